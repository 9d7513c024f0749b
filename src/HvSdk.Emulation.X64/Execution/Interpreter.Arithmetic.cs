using System.Runtime.CompilerServices;

namespace HvSdk.Emulation;

/// <summary>Two-operand arithmetic and logic: ADD ADC SUB SBB CMP AND OR XOR TEST (Intel SDM vol. 1, 7.3.2 and 7.3.3).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>An operation on two values of a size. It sets the flags and gives the result.</summary>
    internal interface IBinary
    {
        /// <summary>False: the result is dropped, as CMP and TEST do.</summary>
        static abstract bool Writes { get; }

        static abstract ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags);
    }

    /// <summary>The destination is a register, the source a register or an immediate.</summary>
    internal static bool BinaryRegister<T>(Core c, ref TMachine m, in Op op)
        where T : struct, IBinary
    {
        ulong result = T.Apply(Register0(c, op), Source(c, op), op.Mask, op.SignShift, ref c.State.Flags);
        if (T.Writes)
        {
            SetRegister0(c, op, result);
        }

        return true;
    }

    /// <summary>One of the operands is memory.</summary>
    internal static bool BinaryMemory<T>(Core c, ref TMachine m, in Op op)
        where T : struct, IBinary
    {
        if (op.Kind1 == OperandKind.Memory)
        {
            if (!Read(c, ref m, op.Segment, Offset(c, op), op.Size, out ulong b))
            {
                return false;
            }

            ulong result = T.Apply(Register0(c, op), b, op.Mask, op.SignShift, ref c.State.Flags);
            if (T.Writes)
            {
                SetRegister0(c, op, result);
            }

            return true;
        }

        return T.Writes ? Modify<T>(c, ref m, op) : Compare<T>(c, ref m, op);
    }

    private static bool Compare<T>(Core c, ref TMachine m, in Op op)
        where T : struct, IBinary
    {
        if (!Read(c, ref m, op.Segment, Offset(c, op), op.Size, out ulong a))
        {
            return false;
        }

        T.Apply(a, Source(c, op), op.Mask, op.SignShift, ref c.State.Flags);
        return true;
    }

    private static bool Modify<T>(Core c, ref TMachine m, in Op op)
        where T : struct, IBinary
    {
        while (true)
        {
            if (!ReadForWrite(c, ref m, op.Segment, Offset(c, op), op.Size, out ulong a))
            {
                return false;
            }

            ulong flags = c.State.Flags;
            ulong result = T.Apply(a, Source(c, op), op.Mask, op.SignShift, ref flags);
            if (Replace0(c, ref m, op, a, result, out bool again))
            {
                c.State.Flags = flags;
                return true;
            }

            if (!again)
            {
                return false;
            }
        }
    }

    /// <summary>Carry, auxiliary carry and overflow from the carries out of each bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong CarryFlags(ulong carries, int signShift) =>
        ((carries >> signShift) & 1)
        | ((carries << 1) & FlagBits.A)
        | ((((carries >> signShift) ^ (carries >> (signShift - 1))) & 1) << 11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong AddWithFlags(ulong a, ulong b, ulong carry, ulong mask, int signShift, ref ulong flags)
    {
        ulong result = (a + b + carry) & mask;
        ulong carries = (a & b) | ((a | b) & ~result);
        flags = (flags & ~FlagBits.Arithmetic) | CarryFlags(carries, signShift) | ResultFlags(result, signShift);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong SubtractWithFlags(ulong a, ulong b, ulong borrow, ulong mask, int signShift, ref ulong flags)
    {
        ulong result = (a - b - borrow) & mask;
        ulong borrows = (~a & b) | (~(a ^ b) & result);
        flags = (flags & ~FlagBits.Arithmetic) | CarryFlags(borrows, signShift) | ResultFlags(result, signShift);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Logic(ulong result, int signShift, ref ulong flags)
    {
        flags = (flags & ~FlagBits.Arithmetic) | ResultFlags(result, signShift);
        return result;
    }

    internal readonly struct Add : IBinary
    {
        public static bool Writes => true;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) => AddWithFlags(a, b, 0, mask, signShift, ref flags);
    }

    internal readonly struct AddCarry : IBinary
    {
        public static bool Writes => true;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) =>
            AddWithFlags(a, b, flags & FlagBits.C, mask, signShift, ref flags);
    }

    internal readonly struct Subtract : IBinary
    {
        public static bool Writes => true;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) => SubtractWithFlags(a, b, 0, mask, signShift, ref flags);
    }

    internal readonly struct SubtractBorrow : IBinary
    {
        public static bool Writes => true;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) =>
            SubtractWithFlags(a, b, flags & FlagBits.C, mask, signShift, ref flags);
    }

    internal readonly struct Cmp : IBinary
    {
        public static bool Writes => false;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) => SubtractWithFlags(a, b, 0, mask, signShift, ref flags);
    }

    internal readonly struct And : IBinary
    {
        public static bool Writes => true;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) => Logic(a & b, signShift, ref flags);
    }

    internal readonly struct Or : IBinary
    {
        public static bool Writes => true;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) => Logic(a | b, signShift, ref flags);
    }

    internal readonly struct Xor : IBinary
    {
        public static bool Writes => true;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) => Logic(a ^ b, signShift, ref flags);
    }

    internal readonly struct Test : IBinary
    {
        public static bool Writes => false;

        public static ulong Apply(ulong a, ulong b, ulong mask, int signShift, ref ulong flags) => Logic(a & b, signShift, ref flags);
    }
}
