namespace HvSdk.Emulation;

/// <summary>The stack: PUSH POP PUSHA POPA ENTER LEAVE PUSHF POPF (Intel SDM vol. 1, 6.2 and 6.5).</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool PushOperand(Core c, ref TMachine m, in Op op) =>
        Load0(c, ref m, op, out ulong value) && Push(c, ref m, op.Size, value);

    internal static bool PushImmediate(Core c, ref TMachine m, in Op op) => Push(c, ref m, InstructionSet.StackSize(op.Code), op.Immediate);

    internal static bool PushSegment(Core c, ref TMachine m, in Op op) =>
        Push(c, ref m, InstructionSet.StackSize(op.Code), c.Segments[op.Reg0].Selector);

    internal static bool PopRegister(Core c, ref TMachine m, in Op op)
    {
        if (!Peek(c, ref m, op.Size, 0, out ulong value))
        {
            return false;
        }

        MoveStack(c, op.Size);
        SetRegister0(c, op, value);
        return true;
    }

    /// <summary>An address with the stack pointer in it is made after that has moved.</summary>
    internal static bool PopMemory(Core c, ref TMachine m, in Op op)
    {
        if (!Peek(c, ref m, op.Size, 0, out ulong value))
        {
            return false;
        }

        ulong pointer = c.Gpr[RegisterIndex.Rsp];
        MoveStack(c, op.Size);
        if (Write(c, ref m, op.Segment, Offset(c, op), op.Size, value))
        {
            return true;
        }

        c.Gpr[RegisterIndex.Rsp] = pointer;
        return false;
    }

    internal static bool PopSegment(Core c, ref TMachine m, in Op op)
    {
        int size = InstructionSet.StackSize(op.Code);
        if (!Peek(c, ref m, size, 0, out ulong selector))
        {
            return false;
        }

        ulong mask = c.StackMask;
        if (!LoadSegment(c, ref m, op.Reg0, (ushort)selector))
        {
            return false;
        }

        // The stack pointer moves in the size of the stack that was popped from.
        ulong pointer = c.Gpr[RegisterIndex.Rsp];
        c.Gpr[RegisterIndex.Rsp] = (pointer & ~mask) | ((pointer + (ulong)size) & mask);
        if (op.Reg0 == SegmentIndex.Ss)
        {
            c.State.InterruptShadow = X64InterruptShadow.MovSs;
        }

        return true;
    }

    internal static bool PushAll(Core c, ref TMachine m, in Op op)
    {
        ulong pointer = c.Gpr[RegisterIndex.Rsp];
        for (int i = 0; i < 8; i++)
        {
            if (!Push(c, ref m, op.Size, i == RegisterIndex.Rsp ? pointer : c.Gpr[i]))
            {
                return false;
            }
        }

        return true;
    }

    internal static bool PopAll(Core c, ref TMachine m, in Op op)
    {
        for (int i = 7; i >= 0; i--)
        {
            if (!Peek(c, ref m, op.Size, 0, out ulong value))
            {
                return false;
            }

            MoveStack(c, op.Size);
            if (i != RegisterIndex.Rsp)
            {
                SetRegister(c, i, op.Size, value);
            }
        }

        return true;
    }

    internal static bool Enter(Core c, ref TMachine m, in Op op)
    {
        int size = InstructionSet.StackSize(op.Code);
        int level = op.Immediate2 & 0x1F;
        if (!Push(c, ref m, size, c.Gpr[RegisterIndex.Rbp]))
        {
            return false;
        }

        ulong frame = c.Gpr[RegisterIndex.Rsp];
        ulong link = c.Gpr[RegisterIndex.Rbp];
        for (int i = 1; i < level; i++)
        {
            link -= (ulong)size;
            if (!Read(c, ref m, SegmentIndex.Ss, link & c.StackMask, size, out ulong value) || !Push(c, ref m, size, value))
            {
                return false;
            }
        }

        if (level > 0 && !Push(c, ref m, size, frame))
        {
            return false;
        }

        MoveStack(c, -(long)(ushort)op.Immediate);

        // The new top must be writable: a stack that is full fails here, not at the next push.
        if (!Probe(c, ref m, SegmentIndex.Ss, c.Gpr[RegisterIndex.Rsp] & c.StackMask, size))
        {
            return false;
        }

        SetRegister(c, RegisterIndex.Rbp, size, frame);
        return true;
    }

    internal static bool Leave(Core c, ref TMachine m, in Op op)
    {
        ulong frame = c.Gpr[RegisterIndex.Rbp];
        if (!Read(c, ref m, SegmentIndex.Ss, frame & c.StackMask, op.Size, out ulong value))
        {
            return false;
        }

        ulong pointer = c.Gpr[RegisterIndex.Rsp];
        c.Gpr[RegisterIndex.Rsp] = (pointer & ~c.StackMask) | ((frame + op.Size) & c.StackMask);
        SetRegister(c, RegisterIndex.Rbp, op.Size, value);
        return true;
    }

    internal static bool PushFlags(Core c, ref TMachine m, in Op op)
    {
        if (c.IsVirtual8086 && c.IoPrivilege < 3)
        {
            return c.GeneralProtection();
        }

        return Push(c, ref m, op.Size, c.State.Flags & ~(FlagBits.Vm | FlagBits.Rf));
    }

    internal static bool PopFlags(Core c, ref TMachine m, in Op op)
    {
        if (c.IsVirtual8086 && c.IoPrivilege < 3)
        {
            return c.GeneralProtection();
        }

        if (!Peek(c, ref m, op.Size, 0, out ulong value))
        {
            return false;
        }

        ulong changeable = FlagBits.Arithmetic | FlagBits.T | FlagBits.D | FlagBits.Nt | FlagBits.Ac | FlagBits.Id;
        if (c.Cpl == 0)
        {
            changeable |= FlagBits.Iopl;
        }

        if (c.Cpl <= c.IoPrivilege)
        {
            changeable |= FlagBits.I;
        }

        if (op.Size == 2)
        {
            changeable &= 0xFFFF;
        }

        MoveStack(c, op.Size);
        c.State.Flags = (((c.State.Flags & ~changeable) | (value & changeable)) & ~FlagBits.Rf) | X64Flags.Reserved1;
        c.RefreshAlignment();
        return true;
    }
}
