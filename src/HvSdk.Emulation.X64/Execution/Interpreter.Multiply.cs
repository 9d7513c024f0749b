namespace HvSdk.Emulation;

/// <summary>MUL IMUL DIV IDIV and the sign extensions CBW to CQO (Intel SDM vol. 1, 7.3.2).</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool MultiplyUnsigned(Core c, ref TMachine m, in Op op)
    {
        if (!Load0(c, ref m, op, out ulong b))
        {
            return false;
        }

        ulong a = c.Gpr[RegisterIndex.Rax] & op.Mask;
        ulong high = Math.BigMul(a, b, out ulong low);
        SetProduct(c, op, low, high, out bool isWide);
        SetMultiplyFlags(c, low & op.Mask, isWide, op.SignShift);
        return true;
    }

    /// <summary>The one-operand form: accumulator times operand, twice as wide.</summary>
    internal static bool MultiplySigned(Core c, ref TMachine m, in Op op)
    {
        if (!Load0(c, ref m, op, out ulong b))
        {
            return false;
        }

        long a = (long)Sizes.SignExtend(c.Gpr[RegisterIndex.Rax], op.Size);
        long high = Math.BigMul(a, (long)Sizes.SignExtend(b, op.Size), out long low);
        SetProduct(c, op, (ulong)low, (ulong)high, out _);
        SetMultiplyFlags(c, (ulong)low & op.Mask, !Fits(low, high, op.Size), op.SignShift);
        return true;
    }

    /// <summary>The two- and three-operand forms.</summary>
    internal static bool MultiplySignedTruncated(Core c, ref TMachine m, in Op op)
    {
        bool hasImmediate = op.Kind2 == OperandKind.Immediate;
        if (!Load1(c, ref m, op, out ulong b))
        {
            return false;
        }

        long first = (long)Sizes.SignExtend(b, op.Size);
        long second = (long)Sizes.SignExtend(hasImmediate ? op.Immediate : c.Gpr[op.Reg0], op.Size);
        long high = Math.BigMul(first, second, out long low);
        SetRegister0(c, op, (ulong)low);
        SetMultiplyFlags(c, (ulong)low & op.Mask, !Fits(low, high, op.Size), op.SignShift);
        return true;
    }

    private static bool Fits(long low, long high, int size) => high == low >> 63 && (long)Sizes.SignExtend((ulong)low, size) == low;

    private static void SetProduct(Core c, in Op op, ulong low, ulong high, out bool isWide)
    {
        if (op.Size == 1)
        {
            SetRegister(c, RegisterIndex.Rax, 2, low);
            isWide = (low >> 8) != 0;
            return;
        }

        ulong upper = op.Size == 8 ? high : (low >> (op.Size * 8)) & op.Mask;
        SetRegister(c, RegisterIndex.Rax, op.Size, low);
        SetRegister(c, RegisterIndex.Rdx, op.Size, upper);
        isWide = upper != 0;
    }

    /// <summary>CF and OF: the upper half counts. SF, ZF, AF and PF are undefined: they come from the lower half.</summary>
    private static void SetMultiplyFlags(Core c, ulong low, bool isWide, int signShift) =>
        SetFlags(c, ResultFlags(low, signShift) | (isWide ? FlagBits.C | FlagBits.O : 0));

    internal static bool DivideUnsigned(Core c, ref TMachine m, in Op op)
    {
        if (!Load0(c, ref m, op, out ulong divisor))
        {
            return false;
        }

        UInt128 dividend = Dividend(c, op);
        if (divisor == 0)
        {
            return c.Raise(Vectors.DivideError);
        }

        UInt128 quotient;
        ulong remainder;
        if ((dividend >> 64) == 0)
        {
            (ulong q, remainder) = Math.DivRem((ulong)dividend, divisor);
            quotient = q;
        }
        else
        {
            quotient = dividend / divisor;
            remainder = (ulong)(dividend - (quotient * divisor));
        }

        if (quotient > op.Mask)
        {
            return c.Raise(Vectors.DivideError);
        }

        SetQuotient(c, op, (ulong)quotient, remainder);
        return true;
    }

    internal static bool DivideSigned(Core c, ref TMachine m, in Op op)
    {
        if (!Load0(c, ref m, op, out ulong b))
        {
            return false;
        }

        Int128 divisor = (long)Sizes.SignExtend(b, op.Size);
        UInt128 raw = Dividend(c, op);
        int unused = 128 - (op.Size * 16);
        Int128 dividend = (Int128)(raw << unused) >> unused;

        // The smallest dividend by -1 has no quotient in 128 bits either.
        if (divisor == 0 || (divisor == -1 && dividend == Int128.MinValue))
        {
            return c.Raise(Vectors.DivideError);
        }

        Int128 quotient = dividend / divisor;
        Int128 largest = (long)(op.Mask >> 1);
        if (quotient > largest || quotient < -largest - 1)
        {
            return c.Raise(Vectors.DivideError);
        }

        SetQuotient(c, op, (ulong)quotient, (ulong)(dividend - (quotient * divisor)));
        return true;
    }

    private static UInt128 Dividend(Core c, in Op op) => op.Size == 1
        ? c.Gpr[RegisterIndex.Rax] & 0xFFFF
        : ((UInt128)(c.Gpr[RegisterIndex.Rdx] & op.Mask) << (op.Size * 8)) | (c.Gpr[RegisterIndex.Rax] & op.Mask);

    private static void SetQuotient(Core c, in Op op, ulong quotient, ulong remainder)
    {
        if (op.Size == 1)
        {
            SetRegister(c, RegisterIndex.Rax, 2, (quotient & 0xFF) | ((remainder & 0xFF) << 8));
            return;
        }

        SetRegister(c, RegisterIndex.Rax, op.Size, quotient & op.Mask);
        SetRegister(c, RegisterIndex.Rdx, op.Size, remainder & op.Mask);
    }

    /// <summary>CBW CWDE CDQE: the lower half of the accumulator to all of it.</summary>
    internal static bool ExtendAccumulator(Core c, ref TMachine m, in Op op)
    {
        SetRegister(c, RegisterIndex.Rax, op.Size, Sizes.SignExtend(c.Gpr[RegisterIndex.Rax], op.Size / 2));
        return true;
    }

    /// <summary>CWD CDQ CQO: the accumulator's sign to all of DX.</summary>
    internal static bool ExtendIntoDx(Core c, ref TMachine m, in Op op)
    {
        SetRegister(c, RegisterIndex.Rdx, op.Size, (ulong)((long)Sizes.SignExtend(c.Gpr[RegisterIndex.Rax], op.Size) >> 63));
        return true;
    }
}
