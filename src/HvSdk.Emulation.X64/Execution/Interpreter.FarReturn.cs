namespace HvSdk.Emulation;

/// <summary>Far returns: RET far, and what IRET shares with it (Intel SDM vol. 3A, 5.8.6; vol. 2B, RET).</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool FarReturn(Core c, ref TMachine m, in Op op)
    {
        bool hasImmediate = op.Kind0 == OperandKind.Immediate;
        int size = hasImmediate ? InstructionSet.StackSize(op.Code) : op.Size;
        int drop = hasImmediate ? (ushort)op.Immediate : 0;
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        if (!Peek(c, ref m, size, 0, out ulong offset) || !Peek(c, ref m, size, size, out ulong selectorValue))
        {
            return false;
        }

        ushort selector = (ushort)selectorValue;
        if (!c.IsProtected || c.IsVirtual8086)
        {
            if (offset > c.Segments[SegmentIndex.Cs].Limit)
            {
                return c.GeneralProtection();
            }

            MoveStack(c, (2 * size) + drop);
            SetRealSegment(c, SegmentIndex.Cs, selector);
            c.NextRip = offset;
            return true;
        }

        if (!CheckReturnCode(c, ref m, selector, out Descriptor code))
        {
            return false;
        }

        int newCpl = selector & 3;
        if (newCpl == c.Cpl)
        {
            MoveStack(c, (2 * size) + drop);
            return EnterCode(c, ref m, code, selector, offset);
        }

        int behind = (2 * size) + drop;
        if (!Peek(c, ref m, size, behind, out ulong pointer) || !Peek(c, ref m, size, behind + size, out ulong stackSelector))
        {
            return false;
        }

        return ReturnOutward(c, ref m, code, selector, offset, (ushort)stackSelector, pointer, size, drop);
    }

    /// <summary>The checks of the code segment that RET and IRET go back to.</summary>
    private static bool CheckReturnCode(Core c, ref TMachine m, ushort selector, out Descriptor code)
    {
        code = default;
        uint error = (uint)(selector & ~3);
        if (error == 0)
        {
            return c.GeneralProtection();
        }

        if (!ReadDescriptor(c, ref m, selector, Vectors.GeneralProtection, error, out code))
        {
            return false;
        }

        int rpl = selector & 3;
        bool allowed = code.IsCode && rpl >= c.Cpl && (code.IsConforming ? code.PrivilegeLevel <= rpl : code.PrivilegeLevel == rpl);
        if (!allowed || (c.IsLong && code.IsLong && code.IsDefault32))
        {
            return c.Raise(Vectors.GeneralProtection, error);
        }

        return code.IsPresent || c.Raise(Vectors.SegmentNotPresent, error);
    }

    /// <summary>Back to an outer level, or in 64-bit mode to any: CS:RIP and SS:RSP come from the stack, and data segments above the level go.</summary>
    private static bool ReturnOutward(
        Core c, ref TMachine m, in Descriptor code, ushort selector, ulong offset, ushort stackSelector, ulong pointer, int size, int drop)
    {
        int newCpl = selector & 3;
        bool to64 = c.IsLong && code.IsLong;
        X64Segment stack;
        if ((stackSelector & ~3) == 0)
        {
            if (!to64 || newCpl == 3 || (stackSelector & 3) != newCpl)
            {
                return c.GeneralProtection();
            }

            stack = NullStack(newCpl) with { Selector = stackSelector };
        }
        else
        {
            uint error = (uint)(stackSelector & ~3);
            if (!ReadDescriptor(c, ref m, stackSelector, Vectors.GeneralProtection, error, out Descriptor descriptor))
            {
                return false;
            }

            if (!descriptor.IsWritableData || descriptor.PrivilegeLevel != newCpl || (stackSelector & 3) != newCpl)
            {
                return c.Raise(Vectors.GeneralProtection, error);
            }

            if (!descriptor.IsPresent)
            {
                return c.Raise(Vectors.StackFault, error);
            }

            stack = descriptor.ToSegment(stackSelector);
            if (!SetAccessed(c, ref m, stackSelector, descriptor))
            {
                return false;
            }
        }

        bool outward = newCpl > c.Cpl;
        if (!EnterCode(c, ref m, code, selector, offset))
        {
            return false;
        }

        c.Segments[SegmentIndex.Ss] = stack;
        c.Refresh();
        ulong old = c.Gpr[RegisterIndex.Rsp];
        ulong next = (pointer + (ulong)drop) & c.StackMask;

        // The new stack's size decides how much of the pointer is loaded; a 16-bit operand gives the rest of it zeros.
        c.Gpr[RegisterIndex.Rsp] = c.StackMask == ushort.MaxValue ? (old & ~0xFFFFUL) | next : next;
        if (outward)
        {
            DropInnerSegments(c, newCpl);
        }

        return true;
    }

    private static void DropInnerSegments(Core c, int cpl)
    {
        foreach (int index in (ReadOnlySpan<int>)[SegmentIndex.Es, SegmentIndex.Ds, SegmentIndex.Fs, SegmentIndex.Gs])
        {
            ref X64Segment segment = ref c.Segments[index];
            bool isConforming = (segment.Type & 0xC) == 0xC;
            if (!segment.IsUnusable && segment.PrivilegeLevel < cpl && !isConforming)
            {
                segment = NullSegment(0);
            }
        }

        c.Refresh();
    }
}
