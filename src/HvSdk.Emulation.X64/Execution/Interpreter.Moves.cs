namespace HvSdk.Emulation;

/// <summary>Moves that set no flags: MOV MOVSX MOVZX LEA XCHG BSWAP CMOVcc SETcc, and NOP (Intel SDM vol. 1, 7.3.1).</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool Nop(Core c, ref TMachine m, in Op op) => true;

    internal static bool MoveRegister(Core c, ref TMachine m, in Op op)
    {
        SetRegister0(c, op, Source(c, op));
        return true;
    }

    internal static bool MoveMemory(Core c, ref TMachine m, in Op op)
    {
        if (op.Kind0 == OperandKind.Memory)
        {
            return Write(c, ref m, op.Segment, Offset(c, op), op.Size, Source(c, op));
        }

        if (!Read(c, ref m, op.Segment, Offset(c, op), op.Size, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, value);
        return true;
    }

    internal static bool LoadAddress(Core c, ref TMachine m, in Op op)
    {
        SetRegister0(c, op, Offset(c, op));
        return true;
    }

    internal static bool MoveZeroExtended(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, value);
        return true;
    }

    internal static bool MoveSignExtended(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, Sizes.SignExtend(value, op.Size1));
        return true;
    }
}
