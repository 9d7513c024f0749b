namespace HvSdk.Emulation;

/// <summary>Far control transfer: JMP CALL RET far, call gates, software interrupts (Intel SDM vol. 3A, 5.8 and 6.12; vol. 2). Task switches are not done.</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool FarJumpDirect(Core c, ref TMachine m, in Op op) => FarJump(c, ref m, op.Immediate2, op.Immediate, op.Size, isCall: false);

    internal static bool FarCallDirect(Core c, ref TMachine m, in Op op) => FarJump(c, ref m, op.Immediate2, op.Immediate, op.Size, isCall: true);

    internal static bool FarJumpIndirect(Core c, ref TMachine m, in Op op) => FarIndirect(c, ref m, op, isCall: false);

    internal static bool FarCallIndirect(Core c, ref TMachine m, in Op op) => FarIndirect(c, ref m, op, isCall: true);

    private static bool FarIndirect(Core c, ref TMachine m, in Op op, bool isCall)
    {
        // The operand is offset and selector: m16:16, m16:32 or m16:64.
        int size = op.MemorySize - 2;
        ulong place = Offset(c, op);
        return Read(c, ref m, op.Segment, place, size, out ulong offset)
            && Read(c, ref m, op.Segment, (place + (ulong)size) & op.AddressMask, 2, out ulong selector)
            && FarJump(c, ref m, (ushort)selector, offset, size, isCall);
    }

    private static bool FarJump(Core c, ref TMachine m, ushort selector, ulong offset, int size, bool isCall)
    {
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        if (!c.IsProtected || c.IsVirtual8086)
        {
            if (offset > c.Segments[SegmentIndex.Cs].Limit)
            {
                return c.GeneralProtection();
            }

            if (isCall && !(Push(c, ref m, size, c.Segments[SegmentIndex.Cs].Selector) && Push(c, ref m, size, c.NextRip)))
            {
                return false;
            }

            SetRealSegment(c, SegmentIndex.Cs, selector);
            c.NextRip = offset;
            return true;
        }

        uint error = (uint)(selector & ~3);
        if (error == 0)
        {
            return c.GeneralProtection();
        }

        if (!ReadDescriptor(c, ref m, selector, Vectors.GeneralProtection, error, out Descriptor code))
        {
            return false;
        }

        if (!code.IsCodeOrData)
        {
            return FarThroughSystem(c, ref m, selector, code, isCall);
        }

        int rpl = selector & 3;
        bool allowed = code.IsConforming ? code.PrivilegeLevel <= c.Cpl : rpl <= c.Cpl && code.PrivilegeLevel == c.Cpl;
        if (!code.IsCode || !allowed || (c.IsLong && code.IsLong && code.IsDefault32))
        {
            return c.Raise(Vectors.GeneralProtection, error);
        }

        if (!code.IsPresent)
        {
            return c.Raise(Vectors.SegmentNotPresent, error);
        }

        if (isCall && !(Push(c, ref m, size, c.Segments[SegmentIndex.Cs].Selector) && Push(c, ref m, size, c.NextRip)))
        {
            return false;
        }

        return EnterCode(c, ref m, code, (ushort)(error | (uint)c.Cpl), offset);
    }

    /// <summary>Loads CS at the current privilege level, or one that <paramref name="selector"/> names, and goes to an offset in it.</summary>
    private static bool EnterCode(Core c, ref TMachine m, in Descriptor code, ushort selector, ulong offset)
    {
        bool to64 = c.IsLong && code.IsLong;
        if (to64 ? !c.IsCanonical(offset) : (uint)offset > code.Limit)
        {
            return c.GeneralProtection();
        }

        if (!SetAccessed(c, ref m, selector, code))
        {
            return false;
        }

        c.Segments[SegmentIndex.Cs] = code.ToSegment(selector);
        c.NextRip = to64 ? offset : (uint)offset;
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        c.Attention = true;
        c.Refresh();
        return true;
    }

    /// <summary>A call gate; task gates and TSS descriptors would switch tasks.</summary>
    private static bool FarThroughSystem(Core c, ref TMachine m, ushort selector, in Descriptor system, bool isCall)
    {
        uint error = (uint)(selector & ~3);
        int type = system.Type;
        bool isGate = c.IsLong ? type == 12 : type is 4 or 12;
        if (!isGate && (c.IsLong || type is not (1 or 5 or 9)))
        {
            return c.Raise(Vectors.GeneralProtection, error);
        }

        if (system.PrivilegeLevel < c.Cpl || (selector & 3) > system.PrivilegeLevel)
        {
            return c.Raise(Vectors.GeneralProtection, error);
        }

        if (!isGate)
        {
            return c.Unsupported();
        }

        ulong high = 0;
        if (c.IsLong)
        {
            if (!FindDescriptor(c, selector, 16, out ulong address))
            {
                return c.Raise(Vectors.GeneralProtection, error);
            }

            if (!ReadSystem(c, ref m, address + 8, 8, out high))
            {
                return false;
            }

            if ((high >> 40 & 0x1F) != 0)
            {
                return c.Raise(Vectors.GeneralProtection, error);
            }
        }

        var gate = new Gate(system.Raw, high);
        if (!gate.IsPresent)
        {
            return c.Raise(Vectors.SegmentNotPresent, error);
        }

        return ThroughCallGate(c, ref m, gate, isCall);
    }

    private static bool ThroughCallGate(Core c, ref TMachine m, in Gate gate, bool isCall)
    {
        uint error = (uint)(gate.Selector & ~3);
        if (error == 0)
        {
            return c.GeneralProtection();
        }

        if (!ReadDescriptor(c, ref m, gate.Selector, Vectors.GeneralProtection, error, out Descriptor code))
        {
            return false;
        }

        bool inner = isCall && !code.IsConforming && code.PrivilegeLevel < c.Cpl;
        bool allowed = code.IsConforming || isCall ? code.PrivilegeLevel <= c.Cpl : code.PrivilegeLevel == c.Cpl;
        if (!code.IsCode || !allowed || (c.IsLong && (!code.IsLong || code.IsDefault32)))
        {
            return c.Raise(Vectors.GeneralProtection, error);
        }

        if (!code.IsPresent)
        {
            return c.Raise(Vectors.SegmentNotPresent, error);
        }

        int size = c.IsLong ? 8 : gate.Is32 ? 4 : 2;
        ulong offset = c.IsLong ? gate.Offset : gate.Is32 ? (uint)gate.Offset : (ushort)gate.Offset;
        ushort oldCs = c.Segments[SegmentIndex.Cs].Selector;
        int newCpl = inner ? code.PrivilegeLevel : c.Cpl;
        if (inner && !SwitchToInnerStack(c, ref m, newCpl, size, c.IsLong ? 0 : gate.ParameterCount))
        {
            return false;
        }

        if (isCall && !(Push(c, ref m, size, oldCs) && Push(c, ref m, size, c.NextRip)))
        {
            return false;
        }

        return EnterCode(c, ref m, code, (ushort)(error | (uint)newCpl), offset);
    }

    /// <summary>A call to an inner level: its stack from the TSS, the old one's pointer and parameters pushed to it.</summary>
    private static bool SwitchToInnerStack(Core c, ref TMachine m, int cpl, int size, int parameters)
    {
        ushort oldStack = c.Segments[SegmentIndex.Ss].Selector;
        ulong oldPointer = c.Gpr[RegisterIndex.Rsp];
        Span<uint> copied = stackalloc uint[32];
        for (int i = 0; i < parameters; i++)
        {
            if (!Peek(c, ref m, size, i * size, out ulong value))
            {
                return false;
            }

            copied[i] = (uint)value;
        }

        X64Segment stack;
        ulong pointer;
        if (c.IsLong)
        {
            if (!ReadTss(c, ref m, 4 + (cpl * 8), 8, out pointer))
            {
                return false;
            }

            if (!c.IsCanonical(pointer))
            {
                return c.Raise(Vectors.StackFault, 0);
            }

            stack = NullStack(cpl);
        }
        else if (!ReadInnerStack(c, ref m, cpl, 0, out stack, out pointer))
        {
            return false;
        }

        c.Segments[SegmentIndex.Ss] = stack;
        c.Gpr[RegisterIndex.Rsp] = pointer;
        c.Refresh();
        if (c.IsLong)
        {
            // The callee is 64-bit code whatever the caller was.
            c.StackMask = ulong.MaxValue;
        }

        if (!Push(c, ref m, size, oldStack) || !Push(c, ref m, size, oldPointer))
        {
            return false;
        }

        for (int i = parameters - 1; i >= 0; i--)
        {
            if (!Push(c, ref m, size, copied[i]))
            {
                return false;
            }
        }

        return true;
    }

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
        c.Gpr[RegisterIndex.Rsp] = size == 2 || c.StackMask == ushort.MaxValue ? (old & ~0xFFFFUL) | (next & 0xFFFF) : next;
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

    /// <summary>INT n: virtual-8086 code needs IOPL 3.</summary>
    internal static bool SoftwareInterrupt(Core c, ref TMachine m, in Op op) =>
        c.IsVirtual8086 && c.IoPrivilege < 3
            ? c.GeneralProtection()
            : SoftwareVector(c, ref m, (int)op.Immediate & 0xFF);

    internal static bool BreakpointInterrupt(Core c, ref TMachine m, in Op op) => SoftwareException(c, ref m, Vectors.Breakpoint);

    internal static bool OverflowInterrupt(Core c, ref TMachine m, in Op op) =>
        (c.State.Flags & FlagBits.O) == 0 || SoftwareException(c, ref m, Vectors.Overflow);

    /// <summary>INT1: a debug exception that no DR6 bit explains.</summary>
    internal static bool DebugInterrupt(Core c, ref TMachine m, in Op op)
    {
        if (!c.Options.DeliverExceptions)
        {
            c.Exception = new(Vectors.Debug, false, 0, 0, IsTrap: true);
            c.Outcome = Outcome.Fault;
            return false;
        }

        return Interrupt(c, ref m, Vectors.Debug, false, 0, isSoftware: false, c.NextRip, c.State.Flags);
    }

    private static bool SoftwareException(Core c, ref TMachine m, int vector)
    {
        if (!c.Options.DeliverExceptions)
        {
            c.Exception = new((byte)vector, false, 0, 0, IsTrap: true);
            c.Outcome = Outcome.Fault;
            return false;
        }

        return SoftwareVector(c, ref m, vector);
    }

    private static bool SoftwareVector(Core c, ref TMachine m, int vector) =>
        Interrupt(c, ref m, vector, false, 0, isSoftware: true, c.NextRip, c.State.Flags);
}
