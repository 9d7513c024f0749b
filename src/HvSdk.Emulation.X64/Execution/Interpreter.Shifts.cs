namespace HvSdk.Emulation;

/// <summary>Shifts and rotates: SHL SHR SAR ROL ROR RCL RCR SHLD SHRD (Intel SDM vol. 1, 7.3.6).</summary>
/// <remarks>
/// OF is defined for a count of 1 alone; for others it is what the same formula gives, as processors do. AF is undefined after shifts and
/// comes out clear.
/// </remarks>
internal static partial class Interpreter<TMachine>
{
    /// <summary>A shift by a count that is masked and not 0.</summary>
    internal interface IShift
    {
        static abstract ulong Apply(ulong a, int count, ulong mask, int signShift, ref ulong flags);
    }

    internal static bool Shift<T>(Core c, ref TMachine m, in Op op)
        where T : struct, IShift
    {
        int count = (int)(op.Kind1 == OperandKind.Register ? c.Gpr[op.Reg1] : op.Immediate) & (op.Size == 8 ? 0x3F : 0x1F);
        if (!LoadForWrite0(c, ref m, op, out ulong a))
        {
            return false;
        }

        ulong flags = c.State.Flags;
        ulong result = count == 0 ? a : T.Apply(a, count, op.Mask, op.SignShift, ref flags);
        if (!Store0(c, ref m, op, result))
        {
            return false;
        }

        c.State.Flags = flags;
        return true;
    }

    private static ulong ShiftFlags(ulong flags, ulong result, ulong carry, ulong overflow, int signShift) =>
        (flags & ~FlagBits.Arithmetic) | ResultFlags(result, signShift) | (carry & 1) | ((overflow & 1) << 11);

    private static ulong RotateFlags(ulong flags, ulong carry, ulong overflow) =>
        (flags & ~(FlagBits.C | FlagBits.O)) | (carry & 1) | ((overflow & 1) << 11);

    internal readonly struct ShiftLeft : IShift
    {
        public static ulong Apply(ulong a, int count, ulong mask, int signShift, ref ulong flags)
        {
            // Counts up to 31 reach beyond operands of 8 and 16 bits.
            ulong result = count > signShift + 1 ? 0 : count == 64 ? 0 : (a << count) & mask;
            ulong carry = count > signShift + 1 ? 0 : a >> (signShift + 1 - count);
            flags = ShiftFlags(flags, result, carry, (result >> signShift) ^ carry, signShift);
            return result;
        }
    }

    internal readonly struct ShiftRight : IShift
    {
        public static ulong Apply(ulong a, int count, ulong mask, int signShift, ref ulong flags)
        {
            ulong result = a >> count;
            flags = ShiftFlags(flags, result, a >> (count - 1), ((result << 1) ^ result) >> signShift, signShift);
            return result;
        }
    }

    internal readonly struct ShiftArithmetic : IShift
    {
        public static ulong Apply(ulong a, int count, ulong mask, int signShift, ref ulong flags)
        {
            long wide = (long)(a << (63 - signShift)) >> (63 - signShift);
            ulong result = (ulong)(wide >> count) & mask;
            flags = ShiftFlags(flags, result, (ulong)(wide >> (count - 1)), 0, signShift);
            return result;
        }
    }

    internal readonly struct RotateLeft : IShift
    {
        public static ulong Apply(ulong a, int count, ulong mask, int signShift, ref ulong flags)
        {
            int n = count & signShift;
            ulong result = n == 0 ? a : ((a << n) | (a >> (signShift + 1 - n))) & mask;
            flags = RotateFlags(flags, result, result ^ (result >> signShift));
            return result;
        }
    }

    internal readonly struct RotateRight : IShift
    {
        public static ulong Apply(ulong a, int count, ulong mask, int signShift, ref ulong flags)
        {
            int n = count & signShift;
            ulong result = n == 0 ? a : ((a >> n) | (a << (signShift + 1 - n))) & mask;
            flags = RotateFlags(flags, result >> signShift, (result >> signShift) ^ (result >> (signShift - 1)));
            return result;
        }
    }

    internal readonly struct RotateCarryLeft : IShift
    {
        public static ulong Apply(ulong a, int count, ulong mask, int signShift, ref ulong flags)
        {
            int bits = signShift + 1;
            int n = count % (bits + 1);
            if (n == 0)
            {
                return a;
            }

            ulong carry = flags & FlagBits.C;
            ulong result = ((n == 64 ? 0 : a << n) | (carry << (n - 1)) | (n == 1 ? 0 : a >> (bits + 1 - n))) & mask;
            ulong last = a >> (bits - n);
            flags = RotateFlags(flags, last, last ^ (result >> signShift));
            return result;
        }
    }

    internal readonly struct RotateCarryRight : IShift
    {
        public static ulong Apply(ulong a, int count, ulong mask, int signShift, ref ulong flags)
        {
            int bits = signShift + 1;
            int n = count % (bits + 1);
            if (n == 0)
            {
                return a;
            }

            ulong carry = flags & FlagBits.C;
            ulong result = ((n == 64 ? 0 : a >> n) | (carry << (bits - n)) | (n == 1 ? 0 : a << (bits + 1 - n))) & mask;
            flags = RotateFlags(flags, a >> (n - 1), ((result << 1) ^ result) >> signShift);
            return result;
        }
    }

    internal static bool ShiftLeftDouble(Core c, ref TMachine m, in Op op) => ShiftDouble(c, ref m, op, isLeft: true);

    internal static bool ShiftRightDouble(Core c, ref TMachine m, in Op op) => ShiftDouble(c, ref m, op, isLeft: false);

    private static bool ShiftDouble(Core c, ref TMachine m, in Op op, bool isLeft)
    {
        int bits = op.SignShift + 1;
        int count = (int)(op.Kind2 == OperandKind.Register ? c.Gpr[op.Reg2] : op.Immediate) & (op.Size == 8 ? 0x3F : 0x1F);
        ulong b = c.Gpr[op.Reg1] & op.Mask;
        if (!LoadForWrite0(c, ref m, op, out ulong a))
        {
            return false;
        }

        ulong result = a;
        ulong flags = c.State.Flags;
        if (count != 0)
        {
            result = isLeft ? DoubleLeft(a, b, count, bits, out ulong carry) : DoubleRight(a, b, count, bits, out carry);
            result &= op.Mask;
            ulong overflow = isLeft ? carry ^ (result >> op.SignShift) : ((result << 1) ^ result) >> op.SignShift;
            flags = ShiftFlags(flags, result, carry, overflow, op.SignShift);
        }

        if (!Store0(c, ref m, op, result))
        {
            return false;
        }

        c.State.Flags = flags;
        return true;
    }

    private static ulong DoubleLeft(ulong a, ulong b, int count, int bits, out ulong carry)
    {
        if (count <= bits)
        {
            carry = a >> (bits - count);
            return (count == 64 ? 0 : a << count) | (b >> (bits - count));
        }

        // 16 bits by more than 16: undefined; processors go on with the first operand.
        carry = b >> ((2 * bits) - count);
        return (b << (count - bits)) | (a >> ((2 * bits) - count));
    }

    private static ulong DoubleRight(ulong a, ulong b, int count, int bits, out ulong carry)
    {
        if (count <= bits)
        {
            carry = a >> (count - 1);
            return (a >> count) | (b << (bits - count));
        }

        carry = b >> (count - bits - 1);
        return (b >> (count - bits)) | (a << ((2 * bits) - count));
    }
}
