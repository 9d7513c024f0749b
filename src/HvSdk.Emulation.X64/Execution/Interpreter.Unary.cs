namespace HvSdk.Emulation;

/// <summary>One-operand arithmetic: INC DEC NEG NOT (Intel SDM vol. 1, 7.3.2 and 7.3.3).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>An operation on one value.</summary>
    internal interface IUnary
    {
        static abstract ulong Apply(ulong a, ulong mask, int signShift, ref ulong flags);
    }

    internal static bool Unary<T>(Core c, ref TMachine m, in Op op)
        where T : struct, IUnary
    {
        while (true)
        {
            if (!LoadForWrite0(c, ref m, op, out ulong a))
            {
                return false;
            }

            ulong flags = c.State.Flags;
            ulong result = T.Apply(a, op.Mask, op.SignShift, ref flags);
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

    internal readonly struct Increment : IUnary
    {
        public static ulong Apply(ulong a, ulong mask, int signShift, ref ulong flags)
        {
            ulong carry = flags & FlagBits.C;
            ulong result = AddWithFlags(a, 1, 0, mask, signShift, ref flags);
            flags = (flags & ~FlagBits.C) | carry;
            return result;
        }
    }

    internal readonly struct Decrement : IUnary
    {
        public static ulong Apply(ulong a, ulong mask, int signShift, ref ulong flags)
        {
            ulong carry = flags & FlagBits.C;
            ulong result = SubtractWithFlags(a, 1, 0, mask, signShift, ref flags);
            flags = (flags & ~FlagBits.C) | carry;
            return result;
        }
    }

    internal readonly struct Negate : IUnary
    {
        public static ulong Apply(ulong a, ulong mask, int signShift, ref ulong flags) => SubtractWithFlags(0, a, 0, mask, signShift, ref flags);
    }

    internal readonly struct Complement : IUnary
    {
        public static ulong Apply(ulong a, ulong mask, int signShift, ref ulong flags) => ~a & mask;
    }
}
