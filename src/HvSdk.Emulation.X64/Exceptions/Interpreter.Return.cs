namespace HvSdk.Emulation;

/// <summary>IRET in all modes (Intel SDM vol. 2A, IRET). A return to another task is not done.</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool InterruptReturn(Core c, ref TMachine m, in Op op)
    {
        int size = op.Size;
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        if (c.IsVirtual8086 && c.IoPrivilege < 3)
        {
            return c.GeneralProtection();
        }

        if (c.IsProtected && !c.IsVirtual8086 && (c.State.Flags & FlagBits.Nt) != 0)
        {
            return c.IsLong ? c.GeneralProtection() : c.Unsupported();
        }

        if (!Peek(c, ref m, size, 0, out ulong offset)
            || !Peek(c, ref m, size, size, out ulong selectorValue)
            || !Peek(c, ref m, size, 2 * size, out ulong flags))
        {
            return false;
        }

        ushort selector = (ushort)selectorValue;
        if (!c.IsProtected || c.IsVirtual8086)
        {
            return ReturnInRealMode(c, selector, offset, flags, size);
        }

        if (!c.IsLong && c.Cpl == 0 && size == 4 && (flags & FlagBits.Vm) != 0)
        {
            return ReturnToVirtual8086(c, ref m, selector, offset, flags);
        }

        if (!CheckReturnCode(c, ref m, selector, out Descriptor code))
        {
            return false;
        }

        int oldCpl = c.Cpl;
        int oldIopl = c.IoPrivilege;
        if ((selector & 3) == c.Cpl && !c.Is64)
        {
            MoveStack(c, 3 * size);
            if (!EnterCode(c, ref m, code, selector, offset))
            {
                return false;
            }
        }
        else if (!Peek(c, ref m, size, 3 * size, out ulong pointer)
            || !Peek(c, ref m, size, 4 * size, out ulong stackSelector)
            || !ReturnOutward(c, ref m, code, selector, offset, (ushort)stackSelector, pointer, size, drop: 0))
        {
            return false;
        }

        SetReturnedFlags(c, flags, size, oldCpl, oldIopl);
        EndInterrupt(c);
        return true;
    }

    private static bool ReturnInRealMode(Core c, ushort selector, ulong offset, ulong flags, int size)
    {
        if (offset > c.Segments[SegmentIndex.Cs].Limit)
        {
            return c.GeneralProtection();
        }

        MoveStack(c, 3 * size);
        int iopl = c.IoPrivilege;
        SetReturnedFlags(c, flags, size, c.IsVirtual8086 ? 3 : 0, iopl);
        SetRealSegment(c, SegmentIndex.Cs, selector);
        c.NextRip = offset;
        EndInterrupt(c);
        return true;
    }

    private static bool ReturnToVirtual8086(Core c, ref TMachine m, ushort selector, ulong offset, ulong flags)
    {
        Span<ushort> values = stackalloc ushort[6];
        ulong pointer = 0;
        for (int i = 0; i < 6; i++)
        {
            // ESP, SS, ES, DS, FS, GS.
            if (!Peek(c, ref m, 4, (3 + i) * 4, out ulong value))
            {
                return false;
            }

            pointer = i == 0 ? value : pointer;
            values[i] = (ushort)value;
        }

        if (offset > 0xFFFF)
        {
            return c.GeneralProtection();
        }

        c.State.Flags = (flags & FlagBits.Implemented) | X64Flags.Reserved1;
        c.Gpr[RegisterIndex.Rsp] = (uint)pointer;
        c.Refresh();
        SetRealSegment(c, SegmentIndex.Cs, selector);
        SetRealSegment(c, SegmentIndex.Ss, values[1]);
        SetRealSegment(c, SegmentIndex.Es, values[2]);
        SetRealSegment(c, SegmentIndex.Ds, values[3]);
        SetRealSegment(c, SegmentIndex.Fs, values[4]);
        SetRealSegment(c, SegmentIndex.Gs, values[5]);
        c.NextRip = offset;
        EndInterrupt(c);
        return true;
    }

    /// <summary>Which flags come back: IOPL at CPL 0, IF within IOPL, the upper half with a wide operand.</summary>
    private static void SetReturnedFlags(Core c, ulong flags, int size, int cpl, int iopl)
    {
        ulong changeable = FlagBits.Arithmetic | FlagBits.T | FlagBits.D | FlagBits.Nt | FlagBits.Rf | FlagBits.Ac | FlagBits.Id;
        if (cpl == 0)
        {
            changeable |= FlagBits.Iopl | FlagBits.Vif | FlagBits.Vip;
        }

        if (cpl <= iopl)
        {
            changeable |= FlagBits.I;
        }

        if (size == 2)
        {
            changeable &= 0xFFFF;
        }

        c.State.Flags = (c.State.Flags & ~changeable) | (flags & changeable) | X64Flags.Reserved1;
        c.RefreshAlignment();
    }

    private static void EndInterrupt(Core c)
    {
        c.State.IsNmiBlocked = false;
        c.Attention = true;
        c.Refresh();
    }
}
