namespace HvSdk.Emulation;

/// <summary>Call gates (Intel SDM vol. 3A, 5.8.3 to 5.8.5). Task gates and TSS descriptors, which would switch tasks, are not done.</summary>
internal static partial class Interpreter<TMachine>
{
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

        int newCpl = inner ? code.PrivilegeLevel : c.Cpl;
        ushort selector = (ushort)(error | (uint)newCpl);
        if (c.IsLong)
        {
            return (!isCall || PushLongCall(c, ref m, gate.Offset, newCpl, inner)) && EnterCode(c, ref m, code, selector, gate.Offset);
        }

        int size = gate.Is32 ? 4 : 2;
        ushort oldCs = c.Segments[SegmentIndex.Cs].Selector;
        if (inner && !SwitchToInnerStack(c, ref m, newCpl, size, gate.ParameterCount))
        {
            return false;
        }

        if (isCall && !(Push(c, ref m, size, oldCs) && Push(c, ref m, size, c.NextRip)))
        {
            return false;
        }

        return EnterCode(c, ref m, code, selector, gate.Is32 ? (uint)gate.Offset : (ushort)gate.Offset);
    }

    /// <summary>
    /// The frame of a call in IA-32e mode: slots of 8 bytes on a stack that is 64-bit code's, which the callee is whatever the caller was; an inner
    /// level gets the TSS's stack, a null SS, and the old stack's pointer, and no parameters (Intel SDM vol. 3A, 5.8.3.1 and 5.8.5.1).
    /// </summary>
    private static bool PushLongCall(Core c, ref TMachine m, ulong offset, int newCpl, bool inner)
    {
        const ulong slot = 8;
        ushort oldStack = c.Segments[SegmentIndex.Ss].Selector;
        ulong oldPointer = c.Gpr[RegisterIndex.Rsp];
        ulong pointer = oldPointer;
        if (inner && !ReadTss(c, ref m, 4 + (newCpl * 8), 8, out pointer))
        {
            return false;
        }

        ulong last = pointer - (inner ? 4 * slot : 2 * slot);
        if ((inner && !c.IsCanonical(pointer)) || !c.IsCanonical(pointer - slot) || !c.IsCanonical(last))
        {
            return c.Raise(Vectors.StackFault, 0);
        }

        if (!c.IsCanonical(offset))
        {
            return c.GeneralProtection();
        }

        // The stack is written with the rights that the callee has. Whoever fails takes the registers, and with them the level, back.
        ushort oldCs = c.Segments[SegmentIndex.Cs].Selector;
        c.Cpl = newCpl;
        c.RefreshAlignment();
        if (inner && !(PushSystem(c, ref m, ref pointer, 8, oldStack) && PushSystem(c, ref m, ref pointer, 8, oldPointer)))
        {
            return false;
        }

        if (!PushSystem(c, ref m, ref pointer, 8, oldCs) || !PushSystem(c, ref m, ref pointer, 8, c.NextRip))
        {
            return false;
        }

        c.Gpr[RegisterIndex.Rsp] = pointer;
        if (inner)
        {
            c.Segments[SegmentIndex.Ss] = NullStack(newCpl);
        }

        return true;
    }

    /// <summary>A call to an inner level in protected mode: its stack from the TSS, the old one's pointer and parameters pushed to it.</summary>
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

        if (!ReadInnerStack(c, ref m, cpl, 0, out X64Segment stack, out ulong pointer))
        {
            return false;
        }

        c.Segments[SegmentIndex.Ss] = stack;
        c.Gpr[RegisterIndex.Rsp] = pointer;
        c.Refresh();
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
}
