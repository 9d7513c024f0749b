namespace HvSdk.Emulation;

/// <summary>Loads of segment registers and what looks at descriptors: MOV POP LDS LAR LSL VERR VERW ARPL LLDT LTR (Intel SDM vol. 3A, 5.5 to 5.10).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Loads DS, ES, FS, GS or SS. It changes nothing where it fails.</summary>
    internal static bool LoadSegment(Core c, ref TMachine m, int index, ushort selector)
    {
        if (!c.IsProtected || c.IsVirtual8086)
        {
            SetRealSegment(c, index, selector);
            return true;
        }

        if (!FindSegment(c, ref m, index, selector, out X64Segment segment))
        {
            return false;
        }

        c.Segments[index] = segment;
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        c.Attention = true;
        c.Refresh();
        return true;
    }

    private static bool FindSegment(Core c, ref TMachine m, int index, ushort selector, out X64Segment segment)
    {
        segment = default;
        int rpl = selector & 3;
        uint error = (uint)(selector & ~3);
        if (error == 0)
        {
            // A null SS is for 64-bit code below CPL 3 alone.
            if (index == SegmentIndex.Ss && !(c.Is64 && c.Cpl < 3 && rpl == c.Cpl))
            {
                return c.GeneralProtection();
            }

            segment = index == SegmentIndex.Ss ? NullStack(c.Cpl) with { Selector = selector } : NullSegment(selector);
            return true;
        }

        if (!ReadDescriptor(c, ref m, selector, Vectors.GeneralProtection, error, out Descriptor descriptor))
        {
            return false;
        }

        bool allowed = index == SegmentIndex.Ss
            ? descriptor.IsWritableData && rpl == c.Cpl && descriptor.PrivilegeLevel == c.Cpl
            : descriptor.IsReadable && (descriptor.IsConforming || (rpl <= descriptor.PrivilegeLevel && c.Cpl <= descriptor.PrivilegeLevel));
        if (!allowed)
        {
            return c.Raise(Vectors.GeneralProtection, error);
        }

        if (!descriptor.IsPresent)
        {
            return c.Raise(index == SegmentIndex.Ss ? Vectors.StackFault : Vectors.SegmentNotPresent, error);
        }

        segment = descriptor.ToSegment(selector);
        return SetAccessed(c, ref m, selector, descriptor);
    }

    internal static bool MoveToSegment(Core c, ref TMachine m, in Op op)
    {
        if (op.Reg0 == SegmentIndex.Cs)
        {
            return c.Undefined();
        }

        ulong selector;
        if (op.Kind1 == OperandKind.Memory)
        {
            if (!Read(c, ref m, op.Segment, Offset(c, op), 2, out selector))
            {
                return false;
            }
        }
        else
        {
            selector = c.Gpr[op.Reg1];
        }

        if (!LoadSegment(c, ref m, op.Reg0, (ushort)selector))
        {
            return false;
        }

        if (op.Reg0 == SegmentIndex.Ss)
        {
            c.State.InterruptShadow = X64InterruptShadow.MovSs;
        }

        return true;
    }

    /// <summary>To memory always 16 bits, to a register its size.</summary>
    internal static bool MoveFromSegment(Core c, ref TMachine m, in Op op)
    {
        ulong selector = c.Segments[op.Reg1].Selector;
        if (op.Kind0 == OperandKind.Memory)
        {
            return Write(c, ref m, op.Segment, Offset(c, op), 2, selector);
        }

        SetRegister0(c, op, selector);
        return true;
    }

    /// <summary>LDS LES LFS LGS LSS: an offset, and behind it a selector.</summary>
    internal static bool LoadFarPointer(Core c, ref TMachine m, in Op op, int index)
    {
        ulong place = Offset(c, op);
        if (!Read(c, ref m, op.Segment, place, op.Size, out ulong offset)
            || !Read(c, ref m, op.Segment, (place + op.Size) & op.AddressMask, 2, out ulong selector)
            || !LoadSegment(c, ref m, index, (ushort)selector))
        {
            return false;
        }

        SetRegister0(c, op, offset);
        return true;
    }

    /// <summary>LLDT (Intel SDM vol. 2A).</summary>
    internal static bool LoadLocalTable(Core c, ref TMachine m, in Op op)
    {
        if (!IsSystemCode(c, out bool failed))
        {
            return failed;
        }

        if (!LoadSelector0(c, ref m, op, out ushort selector))
        {
            return false;
        }

        if ((selector & ~3) == 0)
        {
            c.Segments[SegmentIndex.Ldt] = new() { Selector = selector, IsUnusable = true };
        }
        else if (ReadSystemDescriptor(c, ref m, selector, Vectors.GeneralProtection, out Descriptor descriptor))
        {
            uint error = (uint)(selector & ~3);
            if (descriptor.IsCodeOrData || descriptor.Type != 2)
            {
                return c.Raise(Vectors.GeneralProtection, error);
            }

            if (!descriptor.IsPresent)
            {
                return c.Raise(Vectors.SegmentNotPresent, error);
            }

            c.Segments[SegmentIndex.Ldt] = descriptor.ToSegment(selector);
        }
        else
        {
            return false;
        }

        c.State.Modified |= X64StateGroups.SpecialRegisters;
        return true;
    }

    /// <summary>LTR: the TSS becomes busy (Intel SDM vol. 2A).</summary>
    internal static bool LoadTask(Core c, ref TMachine m, in Op op)
    {
        if (!IsSystemCode(c, out bool failed))
        {
            return failed;
        }

        if (!LoadSelector0(c, ref m, op, out ushort selector))
        {
            return false;
        }

        uint error = (uint)(selector & ~3);
        if (error == 0)
        {
            return c.GeneralProtection();
        }

        if (!ReadSystemDescriptor(c, ref m, selector, Vectors.GeneralProtection, out Descriptor descriptor))
        {
            return false;
        }

        bool known = !descriptor.IsCodeOrData && (c.IsLong ? descriptor.Type == 9 : descriptor.Type is 1 or 9);
        if (!known)
        {
            return c.Raise(Vectors.GeneralProtection, error);
        }

        if (!descriptor.IsPresent)
        {
            return c.Raise(Vectors.SegmentNotPresent, error);
        }

        ulong busy = descriptor.Raw | (1UL << TssBusyBit);
        if (!WriteLinear(c, ref m, WrapTable(c, descriptor.Address + 5), 1, system: true, (busy >> 40) & 0xFF))
        {
            return false;
        }

        c.Segments[SegmentIndex.Tr] = new Descriptor(busy, descriptor.High, descriptor.Address).ToSegment(selector);
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        return true;
    }

    /// <summary>Protected mode and CPL 0. <paramref name="result"/> is what the handler gives where it is neither.</summary>
    private static bool IsSystemCode(Core c, out bool result)
    {
        result = false;
        if (!c.IsProtected || c.IsVirtual8086)
        {
            c.Undefined();
            return false;
        }

        if (c.Cpl != 0)
        {
            c.GeneralProtection();
            return false;
        }

        return true;
    }

    private static bool LoadSelector0(Core c, ref TMachine m, in Op op, out ushort selector)
    {
        ulong value;
        if (op.Kind0 == OperandKind.Memory)
        {
            if (!Read(c, ref m, op.Segment, Offset(c, op), 2, out value))
            {
                selector = 0;
                return false;
            }
        }
        else
        {
            value = c.Gpr[op.Reg0];
        }

        selector = (ushort)value;
        return true;
    }

    /// <summary>Reads a descriptor of the GDT; 16 bytes of it in IA-32e mode.</summary>
    private static bool ReadSystemDescriptor(Core c, ref TMachine m, ushort selector, int vector, out Descriptor descriptor)
    {
        descriptor = default;
        uint error = (uint)(selector & ~3);
        if ((selector & 4) != 0 || !FindDescriptor(c, selector, c.IsLong ? 16 : 8, out ulong address))
        {
            return c.Raise(vector, error);
        }

        ulong high = 0;
        if (!ReadSystem(c, ref m, address, 8, out ulong low) || (c.IsLong && !ReadSystem(c, ref m, address + 8, 8, out high)))
        {
            return false;
        }

        descriptor = new(low, high, address);
        return (high >> 40 & 0x1F) == 0 || c.Raise(vector, error);
    }

    /// <summary>SLDT and STR: to memory 16 bits.</summary>
    internal static bool StoreSystemSelector(Core c, ref TMachine m, in Op op, int index)
    {
        if (!c.IsProtected || c.IsVirtual8086)
        {
            return c.Undefined();
        }

        if (IsHidden(c))
        {
            return c.GeneralProtection();
        }

        ulong selector = c.Segments[index].Selector;
        if (op.Kind0 == OperandKind.Memory)
        {
            return Write(c, ref m, op.Segment, Offset(c, op), 2, selector);
        }

        SetRegister0(c, op, selector);
        return true;
    }

    /// <summary>UMIP keeps SGDT, SIDT, SLDT, STR and SMSW from user code.</summary>
    private static bool IsHidden(Core c) => c.Cpl > 0 && (c.State.Cr4 & FlagBits.Cr4Umip) != 0;

    internal static bool LoadAccessRights(Core c, ref TMachine m, in Op op) => InspectDescriptor(c, ref m, op, isLimit: false);

    internal static bool LoadLimit(Core c, ref TMachine m, in Op op) => InspectDescriptor(c, ref m, op, isLimit: true);

    private static bool InspectDescriptor(Core c, ref TMachine m, in Op op, bool isLimit)
    {
        if (!c.IsProtected || c.IsVirtual8086)
        {
            return c.Undefined();
        }

        if (!LoadSelector1(c, ref m, op, out ushort selector)
            || !TryInspect(c, ref m, selector, out Descriptor descriptor, out bool found))
        {
            return false;
        }

        bool visible = found && IsVisible(c, descriptor, selector, isLimit);
        c.State.Flags = (c.State.Flags & ~FlagBits.Z) | (visible ? FlagBits.Z : 0);
        if (visible)
        {
            SetRegister0(c, op, isLimit ? descriptor.Limit : (descriptor.Raw >> 32) & 0x00FF_FF00);
        }

        return true;
    }

    private static bool IsVisible(Core c, in Descriptor descriptor, ushort selector, bool isLimit)
    {
        if (!descriptor.IsCodeOrData)
        {
            bool known = c.IsLong
                ? descriptor.Type is 2 or 9 or 11 || (!isLimit && descriptor.Type == 12)
                : descriptor.Type is 1 or 2 or 3 or 9 or 11 || (!isLimit && descriptor.Type is 4 or 5 or 12);
            if (!known)
            {
                return false;
            }
        }

        return descriptor.IsConforming || (c.Cpl <= descriptor.PrivilegeLevel && (selector & 3) <= descriptor.PrivilegeLevel);
    }

    internal static bool VerifyRead(Core c, ref TMachine m, in Op op) => Verify(c, ref m, op, isWrite: false);

    internal static bool VerifyWrite(Core c, ref TMachine m, in Op op) => Verify(c, ref m, op, isWrite: true);

    private static bool Verify(Core c, ref TMachine m, in Op op, bool isWrite)
    {
        if (!c.IsProtected || c.IsVirtual8086)
        {
            return c.Undefined();
        }

        if (!LoadSelector0(c, ref m, op, out ushort selector)
            || !TryInspect(c, ref m, selector, out Descriptor descriptor, out bool found))
        {
            return false;
        }

        bool good = found && descriptor.IsCodeOrData
            && (descriptor.IsConforming || (c.Cpl <= descriptor.PrivilegeLevel && (selector & 3) <= descriptor.PrivilegeLevel))
            && (isWrite ? descriptor.IsWritableData : descriptor.IsReadable);
        c.State.Flags = (c.State.Flags & ~FlagBits.Z) | (good ? FlagBits.Z : 0);
        return true;
    }

    private static bool LoadSelector1(Core c, ref TMachine m, in Op op, out ushort selector)
    {
        ulong value;
        if (op.Kind1 == OperandKind.Memory)
        {
            if (!Read(c, ref m, op.Segment, Offset(c, op), 2, out value))
            {
                selector = 0;
                return false;
            }
        }
        else
        {
            value = c.Gpr[op.Reg1];
        }

        selector = (ushort)value;
        return true;
    }

    /// <summary>Reads a descriptor where there is one: a selector that names none is no fault here.</summary>
    private static bool TryInspect(Core c, ref TMachine m, ushort selector, out Descriptor descriptor, out bool found)
    {
        descriptor = default;
        found = FindDescriptor(c, selector, 8, out ulong address) && (selector & ~3) != 0;
        return !found || ReadDescriptorAt(c, ref m, address, out descriptor);
    }

    internal static bool AdjustPrivilege(Core c, ref TMachine m, in Op op)
    {
        if (!c.IsProtected || c.IsVirtual8086)
        {
            return c.Undefined();
        }

        if (!LoadForWrite0(c, ref m, op, out ulong target))
        {
            return false;
        }

        ulong rpl = c.Gpr[op.Reg1] & 3;
        bool changes = (target & 3) < rpl;
        if (changes && !Store0(c, ref m, op, (target & ~3UL) | rpl))
        {
            return false;
        }

        c.State.Flags = (c.State.Flags & ~FlagBits.Z) | (changes ? FlagBits.Z : 0);
        return true;
    }
}
