using System.Numerics;

namespace HvSdk.Emulation;

/// <summary>BMI1, BMI2 and ADX (Intel SDM vol. 1, 5.1.16 and 7.3.2.2). VEX forms have three operands; the flags are as each page of vol. 2 says.</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Reads operand 2: a register, or memory of the operation's size.</summary>
    private static bool Load2(Core c, ref TMachine m, in Op op, out ulong value)
    {
        if (op.Kind2 == OperandKind.Memory)
        {
            return Read(c, ref m, op.Segment, Offset(c, op), op.Size, out value);
        }

        value = c.Gpr[op.Reg2] & op.Mask;
        return true;
    }

    internal static bool AndNot(Core c, ref TMachine m, in Op op)
    {
        if (!Load2(c, ref m, op, out ulong b))
        {
            return false;
        }

        return LogicResult(c, op, ~c.Gpr[op.Reg1] & b & op.Mask, 0);
    }

    /// <summary>Sign and zero from the result, OF clear. AF and PF are undefined and come out clear.</summary>
    private static bool LogicResult(Core c, in Op op, ulong result, ulong carry)
    {
        SetRegister0(c, op, result);
        SetFlags(c, (result == 0 ? FlagBits.Z : 0) | (((result >> op.SignShift) & 1) << 7) | carry);
        return true;
    }

    internal static bool ExtractBits(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        ulong control = c.Gpr[op.Reg2];
        int start = (int)control & 0xFF;
        int length = (int)(control >> 8) & 0xFF;
        ulong shifted = start > op.SignShift ? 0 : value >> start;
        ulong result = length > 63 ? shifted : shifted & ((1UL << length) - 1);
        SetRegister0(c, op, result);
        SetFlags(c, result == 0 ? FlagBits.Z : 0);
        return true;
    }

    internal static bool ExtractLowest(Core c, ref TMachine m, in Op op) =>
        Load1(c, ref m, op, out ulong value) && LogicResult(c, op, value & (0 - value) & op.Mask, value != 0 ? FlagBits.C : 0);

    internal static bool MaskToLowest(Core c, ref TMachine m, in Op op) =>
        Load1(c, ref m, op, out ulong value) && LogicResult(c, op, (value ^ (value - 1)) & op.Mask, value == 0 ? FlagBits.C : 0);

    internal static bool ResetLowest(Core c, ref TMachine m, in Op op) =>
        Load1(c, ref m, op, out ulong value) && LogicResult(c, op, value & (value - 1) & op.Mask, value == 0 ? FlagBits.C : 0);

    internal static bool ZeroHighBits(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        int index = (int)c.Gpr[op.Reg2] & 0xFF;
        return index > op.SignShift ? LogicResult(c, op, value, FlagBits.C) : LogicResult(c, op, value & ((1UL << index) - 1), 0);
    }

    internal static bool MultiplyWithoutFlags(Core c, ref TMachine m, in Op op)
    {
        if (!Load2(c, ref m, op, out ulong b))
        {
            return false;
        }

        ulong high = Math.BigMul(c.Gpr[RegisterIndex.Rdx] & op.Mask, b, out ulong low);
        high = op.Size == 8 ? high : low >> 32;

        // Where both are the same register, the upper half stays.
        SetRegister(c, op.Reg1, op.Size, low);
        SetRegister(c, op.Reg0, op.Size, high);
        return true;
    }

    internal static bool DepositBits(Core c, ref TMachine m, in Op op)
    {
        if (!Load2(c, ref m, op, out ulong mask))
        {
            return false;
        }

        ulong source = c.Gpr[op.Reg1];
        ulong result = 0;
        for (; mask != 0; mask &= mask - 1, source >>= 1)
        {
            result |= (source & 1) << BitOperations.TrailingZeroCount(mask);
        }

        SetRegister0(c, op, result);
        return true;
    }

    internal static bool GatherBits(Core c, ref TMachine m, in Op op)
    {
        if (!Load2(c, ref m, op, out ulong mask))
        {
            return false;
        }

        ulong source = c.Gpr[op.Reg1];
        ulong result = 0;
        for (int i = 0; mask != 0; mask &= mask - 1, i++)
        {
            result |= ((source >> BitOperations.TrailingZeroCount(mask)) & 1) << i;
        }

        SetRegister0(c, op, result);
        return true;
    }

    internal static bool RotateWithoutFlags(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        int count = (int)op.Immediate & op.SignShift;
        SetRegister0(c, op, op.Size == 8 ? BitOperations.RotateRight(value, count) : BitOperations.RotateRight((uint)value, count));
        return true;
    }

    internal static bool ShiftLeftWithoutFlags(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, value << ((int)c.Gpr[op.Reg2] & op.SignShift));
        return true;
    }

    internal static bool ShiftRightWithoutFlags(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, value >> ((int)c.Gpr[op.Reg2] & op.SignShift));
        return true;
    }

    internal static bool ShiftArithmeticWithoutFlags(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, (ulong)((long)Sizes.SignExtend(value, op.Size) >> ((int)c.Gpr[op.Reg2] & op.SignShift)));
        return true;
    }

    internal static bool AddWithCarryOnly(Core c, ref TMachine m, in Op op) => AddChained(c, ref m, op, FlagBits.C);

    internal static bool AddWithOverflowOnly(Core c, ref TMachine m, in Op op) => AddChained(c, ref m, op, FlagBits.O);

    /// <summary>ADCX and ADOX: one flag is carry in and carry out; no other changes.</summary>
    private static bool AddChained(Core c, ref TMachine m, in Op op, ulong flag)
    {
        if (!Load1(c, ref m, op, out ulong b))
        {
            return false;
        }

        ulong carry = (c.State.Flags & flag) != 0 ? 1UL : 0;
        UInt128 sum = (UInt128)Register0(c, op) + b + carry;
        SetRegister0(c, op, (ulong)sum);
        c.State.Flags = (c.State.Flags & ~flag) | ((sum >> (op.SignShift + 1)) != 0 ? flag : 0);
        return true;
    }
}
