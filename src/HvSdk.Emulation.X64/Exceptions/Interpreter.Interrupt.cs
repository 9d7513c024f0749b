namespace HvSdk.Emulation;

/// <summary>Through the IVT or the IDT to a handler (Intel SDM vol. 3A, 6.10 to 6.14 and 20.1.4; vol. 2A, INT n).</summary>
internal static partial class Interpreter<TMachine>
{
    private const uint ErrorIdt = 2;
    private const uint ErrorExternal = 1;

    /// <summary>Enters the handler of a vector. The caller keeps the registers.</summary>
    /// <param name="c">The processor.</param>
    /// <param name="m">The machine.</param>
    /// <param name="vector">The vector.</param>
    /// <param name="hasErrorCode">An error code is pushed.</param>
    /// <param name="errorCode">The error code.</param>
    /// <param name="isSoftware">INT n, INT3 or INTO: the gate's privilege counts.</param>
    /// <param name="returnRip">Where the handler returns to.</param>
    /// <param name="flags">The flags it finds on its stack.</param>
    internal static bool Interrupt(
        Core c, ref TMachine m, int vector, bool hasErrorCode, uint errorCode, bool isSoftware, ulong returnRip, ulong flags)
    {
        c.NoTrap = true;
        c.Attention = true;
        if (!c.IsProtected)
        {
            return RealInterrupt(c, ref m, vector, returnRip, flags);
        }

        uint external = isSoftware ? 0 : ErrorExternal;
        uint selfError = ((uint)vector << 3) | ErrorIdt | external;
        int gateSize = c.IsLong ? 16 : 8;
        if ((vector * gateSize) + gateSize - 1 > c.State.Idt.Limit)
        {
            return c.Raise(Vectors.GeneralProtection, selfError);
        }

        ulong address = c.State.Idt.Base + (ulong)(vector * gateSize);
        ulong high = 0;
        if (!ReadSystem(c, ref m, address, 8, out ulong low) || (c.IsLong && !ReadSystem(c, ref m, address + 8, 8, out high)))
        {
            return false;
        }

        var gate = new Gate(low, high);
        bool known = c.IsLong ? gate.Type is 14 or 15 : gate.Type is 5 or 6 or 7 or 14 or 15;
        if (!known || gate.IsCodeOrData || (isSoftware && gate.PrivilegeLevel < c.Cpl))
        {
            return c.Raise(Vectors.GeneralProtection, selfError);
        }

        if (!gate.IsPresent)
        {
            return c.Raise(Vectors.SegmentNotPresent, selfError);
        }

        if (gate.Type == 5)
        {
            // A task gate: hardware task switches are not done.
            return c.Unsupported();
        }

        return EnterGate(c, ref m, gate, hasErrorCode, errorCode, external, returnRip, flags);
    }

    private static bool EnterGate(Core c, ref TMachine m, in Gate gate, bool hasErrorCode, uint errorCode, uint external, ulong returnRip, ulong flags)
    {
        if ((gate.Selector & ~3) == 0)
        {
            return c.Raise(Vectors.GeneralProtection, external);
        }

        uint selectorError = (uint)(gate.Selector & ~3) | external;
        if (!ReadDescriptor(c, ref m, gate.Selector, Vectors.GeneralProtection, selectorError, out Descriptor code))
        {
            return false;
        }

        if (!code.IsCode || code.PrivilegeLevel > c.Cpl || (c.IsLong && (!code.IsLong || code.IsDefault32)))
        {
            return c.Raise(Vectors.GeneralProtection, selectorError);
        }

        if (!code.IsPresent)
        {
            return c.Raise(Vectors.SegmentNotPresent, selectorError);
        }

        int newCpl = code.IsConforming ? c.Cpl : code.PrivilegeLevel;
        if (c.IsVirtual8086 && newCpl != 0)
        {
            return c.Raise(Vectors.GeneralProtection, selectorError);
        }

        var frame = new Frame(
            c.Segments[SegmentIndex.Ss].Selector, c.Gpr[RegisterIndex.Rsp], flags, c.Segments[SegmentIndex.Cs].Selector, returnRip);
        return c.IsLong
            ? EnterLong(c, ref m, gate, code, newCpl, hasErrorCode, errorCode, frame)
            : EnterProtected(c, ref m, gate, code, newCpl, hasErrorCode, errorCode, external, frame);
    }

    /// <summary>IA-32e mode: the stack is aligned, and SS and RSP are always pushed (6.14.2).</summary>
    private static bool EnterLong(Core c, ref TMachine m, in Gate gate, in Descriptor code, int newCpl, bool hasErrorCode, uint errorCode, in Frame frame)
    {
        ulong pointer = frame.Pointer;
        bool inner = newCpl < c.Cpl;
        if (gate.StackIndex != 0)
        {
            if (!ReadTss(c, ref m, 36 + ((gate.StackIndex - 1) * 8), 8, out pointer))
            {
                return false;
            }
        }
        else if (inner && !ReadTss(c, ref m, 4 + (newCpl * 8), 8, out pointer))
        {
            return false;
        }

        pointer &= ~0xFUL;
        ulong top = pointer;
        if (!c.IsCanonical(pointer) || !c.IsCanonical(gate.Offset))
        {
            return c.IsCanonical(pointer) ? c.GeneralProtection() : c.Raise(Vectors.StackFault, 0);
        }

        // The handler's stack is written with the rights it will have.
        int oldCpl = c.Cpl;
        c.Cpl = newCpl;
        bool done = PushSystem(c, ref m, ref top, 8, frame.Stack)
            && PushSystem(c, ref m, ref top, 8, frame.Pointer)
            && PushSystem(c, ref m, ref top, 8, frame.Flags)
            && PushSystem(c, ref m, ref top, 8, frame.Code)
            && PushSystem(c, ref m, ref top, 8, frame.Rip)
            && (!hasErrorCode || PushSystem(c, ref m, ref top, 8, errorCode));
        c.Cpl = oldCpl;
        if (!done)
        {
            return false;
        }

        if (inner)
        {
            c.Segments[SegmentIndex.Ss] = NullStack(newCpl);
        }

        c.Gpr[RegisterIndex.Rsp] = top;
        return Arrive(c, ref m, gate, code, newCpl);
    }

    private static bool EnterProtected(
        Core c, ref TMachine m, in Gate gate, in Descriptor code, int newCpl, bool hasErrorCode, uint errorCode, uint external, in Frame frame)
    {
        int size = gate.Is32 ? 4 : 2;
        bool wasVirtual = c.IsVirtual8086;
        if (newCpl >= c.Cpl)
        {
            return Push(c, ref m, size, frame.Flags)
                && Push(c, ref m, size, frame.Code)
                && Push(c, ref m, size, frame.Rip)
                && (!hasErrorCode || Push(c, ref m, size, errorCode))
                && Arrive(c, ref m, gate, code, newCpl);
        }

        if (!ReadInnerStack(c, ref m, newCpl, external, out X64Segment stack, out ulong pointer))
        {
            return false;
        }

        // From here on the new stack is pushed to with the ordinary checks; whoever fails takes the registers back.
        var old = new OldSegments(c.Segments);
        c.State.Flags &= ~FlagBits.Vm;
        c.Segments[SegmentIndex.Ss] = stack;
        c.Gpr[RegisterIndex.Rsp] = pointer;
        c.Refresh();
        if (wasVirtual
            && !(Push(c, ref m, size, old.Gs) && Push(c, ref m, size, old.Fs) && Push(c, ref m, size, old.Ds) && Push(c, ref m, size, old.Es)))
        {
            return false;
        }

        if (!(Push(c, ref m, size, frame.Stack)
            && Push(c, ref m, size, frame.Pointer)
            && Push(c, ref m, size, frame.Flags)
            && Push(c, ref m, size, frame.Code)
            && Push(c, ref m, size, frame.Rip)
            && (!hasErrorCode || Push(c, ref m, size, errorCode))))
        {
            return false;
        }

        if (wasVirtual)
        {
            foreach (int index in (ReadOnlySpan<int>)[SegmentIndex.Ds, SegmentIndex.Es, SegmentIndex.Fs, SegmentIndex.Gs])
            {
                c.Segments[index] = NullSegment(0);
            }
        }

        return Arrive(c, ref m, gate, code, newCpl);
    }

    private static bool Arrive(Core c, ref TMachine m, in Gate gate, in Descriptor code, int newCpl)
    {
        if (!c.IsLong && (gate.Is32 ? gate.Offset : (ushort)gate.Offset) > code.Limit)
        {
            return c.GeneralProtection();
        }

        if (!SetAccessed(c, ref m, gate.Selector, code))
        {
            return false;
        }

        c.Segments[SegmentIndex.Cs] = code.ToSegment((ushort)((gate.Selector & ~3) | newCpl));
        ulong flags = c.State.Flags & ~(FlagBits.T | FlagBits.Nt | FlagBits.Rf | FlagBits.Vm);
        c.State.Flags = (gate.Type & 1) == 0 ? flags & ~FlagBits.I : flags;
        ulong target = c.IsLong ? gate.Offset : gate.Is32 ? gate.Offset : (ushort)gate.Offset;
        c.NextRip = target;
        c.Gpr[RegisterIndex.Rip] = target;
        c.State.InterruptShadow = X64InterruptShadow.None;
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        c.Refresh();
        return true;
    }

    /// <summary>Real mode: four bytes of the IVT; flags, CS and IP are pushed.</summary>
    private static bool RealInterrupt(Core c, ref TMachine m, int vector, ulong returnRip, ulong flags)
    {
        if ((vector * 4) + 3 > c.State.Idt.Limit)
        {
            return c.GeneralProtection();
        }

        ushort cs = c.Segments[SegmentIndex.Cs].Selector;
        if (!ReadSystem(c, ref m, c.State.Idt.Base + (ulong)(vector * 4), 4, out ulong entry)
            || !Push(c, ref m, 2, flags)
            || !Push(c, ref m, 2, cs)
            || !Push(c, ref m, 2, returnRip))
        {
            return false;
        }

        c.State.Flags &= ~(FlagBits.I | FlagBits.T | FlagBits.Ac | FlagBits.Rf);
        SetRealSegment(c, SegmentIndex.Cs, (ushort)(entry >> 16));
        c.NextRip = (ushort)entry;
        c.Gpr[RegisterIndex.Rip] = c.NextRip;
        c.State.InterruptShadow = X64InterruptShadow.None;
        c.Refresh();
        return true;
    }

    private readonly record struct Frame(ushort Stack, ulong Pointer, ulong Flags, ushort Code, ulong Rip);

    private readonly struct OldSegments(X64Segment[] segments)
    {
        internal readonly ushort Es = segments[SegmentIndex.Es].Selector;
        internal readonly ushort Ds = segments[SegmentIndex.Ds].Selector;
        internal readonly ushort Fs = segments[SegmentIndex.Fs].Selector;
        internal readonly ushort Gs = segments[SegmentIndex.Gs].Selector;
    }
}
