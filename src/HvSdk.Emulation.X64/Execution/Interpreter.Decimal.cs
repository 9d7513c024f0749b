namespace HvSdk.Emulation;

/// <summary>Decimal arithmetic: AAA AAS AAM AAD DAA DAS, outside 64-bit mode (Intel SDM vol. 1, 7.3.4).</summary>
internal static partial class Interpreter<TMachine>
{
    private static byte Al(Core c) => (byte)c.Gpr[RegisterIndex.Rax];

    internal static bool AsciiAdjustAfterAdd(Core c, ref TMachine m, in Op op) => AsciiAdjust(c, 0x106);

    internal static bool AsciiAdjustAfterSubtract(Core c, ref TMachine m, in Op op) => AsciiAdjust(c, -0x106);

    private static bool AsciiAdjust(Core c, int change)
    {
        ulong flags = 0;
        ulong ax = c.Gpr[RegisterIndex.Rax] & 0xFFFF;
        if ((ax & 0xF) > 9 || (c.State.Flags & FlagBits.A) != 0)
        {
            ax = (ulong)((long)ax + change);
            flags = FlagBits.A | FlagBits.C;
        }

        ax &= 0xFF0F;
        SetRegister(c, RegisterIndex.Rax, 2, ax);
        SetFlags(c, flags | ResultFlags(ax & 0xFF, 7));
        return true;
    }

    internal static bool AsciiAdjustAfterMultiply(Core c, ref TMachine m, in Op op)
    {
        int divisor = (int)op.Immediate & 0xFF;
        if (divisor == 0)
        {
            return c.Raise(Vectors.DivideError);
        }

        int al = Al(c);
        ulong low = (ulong)(al % divisor);
        SetRegister(c, RegisterIndex.Rax, 2, ((ulong)(al / divisor) << 8) | low);
        SetFlags(c, ResultFlags(low, 7));
        return true;
    }

    internal static bool AsciiAdjustBeforeDivide(Core c, ref TMachine m, in Op op)
    {
        ulong ah = (c.Gpr[RegisterIndex.Rax] >> 8) & 0xFF;
        ulong flags = 0;
        ulong result = AddWithFlags(Al(c), (ah * (op.Immediate & 0xFF)) & 0xFF, 0, 0xFF, 7, ref flags);
        SetRegister(c, RegisterIndex.Rax, 2, result);
        SetFlags(c, ResultFlags(result, 7));
        return true;
    }

    internal static bool DecimalAdjustAfterAdd(Core c, ref TMachine m, in Op op) => DecimalAdjust(c, isAdd: true);

    internal static bool DecimalAdjustAfterSubtract(Core c, ref TMachine m, in Op op) => DecimalAdjust(c, isAdd: false);

    private static bool DecimalAdjust(Core c, bool isAdd)
    {
        int old = Al(c);
        int al = old;
        bool carry = (c.State.Flags & FlagBits.C) != 0;
        ulong flags = 0;
        if ((old & 0xF) > 9 || (c.State.Flags & FlagBits.A) != 0)
        {
            // DAS keeps the borrow of the first step.
            flags |= FlagBits.A | (!isAdd && (carry || old < 6) ? FlagBits.C : 0);
            al += isAdd ? 6 : -6;
        }

        if (old > 0x99 || carry)
        {
            al += isAdd ? 0x60 : -0x60;
            flags |= FlagBits.C;
        }

        ulong result = (ulong)al & 0xFF;
        SetRegister(c, RegisterIndex.Rax, 1, result);
        SetFlags(c, flags | ResultFlags(result, 7));
        return true;
    }
}
