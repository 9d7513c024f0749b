namespace HvSdk.Emulation;

/// <summary>Far control transfer: JMP and CALL to another segment (Intel SDM vol. 3A, 5.8; vol. 2). Task switches are not done.</summary>
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
}
