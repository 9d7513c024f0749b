namespace HvSdk.Emulation;

/// <summary>Control and debug registers: MOV CR, MOV DR, LMSW SMSW CLTS INVLPG INVPCID XGETBV XSETBV (Intel SDM vol. 3A, 2.5, 2.6, 2.8; vol. 3B, 18.2).</summary>
internal static partial class Interpreter<TMachine>
{
    private const ulong Cr0Known = 0xE005_003F;

    /// <summary>The operand is a whole register whatever the operand size: 64 bits in 64-bit mode, else 32.</summary>
    private static int ControlSize(Core c) => c.Is64 ? 8 : 4;

    internal static bool MoveFromControl(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        ulong value;
        switch (op.Reg1)
        {
            case 0:
                value = c.State.Cr0;
                break;
            case 2:
                value = c.State.Cr2;
                break;
            case 3:
                value = c.State.Cr3;
                break;
            case 4:
                value = c.State.Cr4;
                break;
            case 8:
                value = c.State.Cr8;
                break;
            default:
                return c.Undefined();
        }

        SetRegister(c, op.Reg0, ControlSize(c), value);
        return true;
    }

    internal static bool MoveToControl(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        ulong value = c.Gpr[op.Reg1] & Sizes.Mask(ControlSize(c));
        X64CpuState s = c.State;
        s.Modified |= X64StateGroups.SpecialRegisters;
        switch (op.Reg0)
        {
            case 0:
                return SetCr0(c, ref m, value);
            case 2:
                s.Cr2 = value;
                return true;
            case 3:
                return SetCr3(c, ref m, value);
            case 4:
                return SetCr4(c, ref m, value);
            case 8:
                if (value > 15)
                {
                    return c.GeneralProtection();
                }

                s.Cr8 = value;
                return true;
            default:
                return c.Undefined();
        }
    }

    private static bool SetCr0(Core c, ref TMachine m, ulong value)
    {
        X64CpuState s = c.State;
        bool paging = (value & X64Cr0.Paging) != 0;
        if (value > uint.MaxValue
            || (paging && (value & X64Cr0.ProtectionEnable) == 0)
            || ((value & X64Cr0.NotWriteThrough) != 0 && (value & X64Cr0.CacheDisable) == 0))
        {
            return c.GeneralProtection();
        }

        value = (value & Cr0Known) | X64Cr0.ExtensionType;
        bool wasPaging = (s.Cr0 & X64Cr0.Paging) != 0;
        ulong efer = s.Efer;
        if (paging && !wasPaging && (efer & X64Efer.LongModeEnable) != 0)
        {
            // Long mode begins (vol. 3A, 10.8.5).
            if ((s.Cr4 & X64Cr4.PhysicalAddressExtension) == 0 || c.Segments[SegmentIndex.Cs].IsLong)
            {
                return c.GeneralProtection();
            }

            efer |= X64Efer.LongModeActive;
        }
        else if (!paging && wasPaging)
        {
            if (c.Is64 || (s.Cr4 & FlagBits.Cr4Pcid) != 0)
            {
                return c.GeneralProtection();
            }

            efer &= ~X64Efer.LongModeActive;
        }

        bool pae = paging && (efer & X64Efer.LongModeActive) == 0 && (s.Cr4 & X64Cr4.PhysicalAddressExtension) != 0;
        if (pae && ((s.Cr0 ^ value) & (X64Cr0.Paging | X64Cr0.CacheDisable | X64Cr0.NotWriteThrough)) != 0 && !CheckPointers(c, ref m, s.Cr3))
        {
            return false;
        }

        s.Cr0 = value;
        s.Efer = efer;
        ChangeTranslation(c);
        return true;
    }

    private static bool SetCr3(Core c, ref TMachine m, ulong value)
    {
        X64CpuState s = c.State;
        if (c.IsLong)
        {
            // Bit 63 keeps translations where there are process-context identifiers; it is not stored.
            ulong keep = (s.Cr4 & FlagBits.Cr4Pcid) != 0 ? 1UL << 63 : 0;
            if ((value & ~keep & ~((1UL << c.PhysicalAddressBits) - 1)) != 0)
            {
                return c.GeneralProtection();
            }

            value &= ~keep;
        }
        else if (c.IsPaging && (s.Cr4 & X64Cr4.PhysicalAddressExtension) != 0 && !CheckPointers(c, ref m, value))
        {
            return false;
        }

        s.Cr3 = value;
        ChangeTranslation(c);
        return true;
    }

    /// <summary>The four entries of PAE paging that the processor loads with CR3 (4.4.1).</summary>
    private static bool CheckPointers(Core c, ref TMachine m, ulong cr3)
    {
        ulong reserved = (AddressBits & ~((1UL << c.PhysicalAddressBits) - 1)) | 0xFFF0_0000_0000_01E6;
        for (ulong i = 0; i < 4; i++)
        {
            ulong entry = 0;
            if (m.TryRead((cr3 & 0xFFFF_FFE0) + (i * 8), Bytes(ref entry, 8)) && (entry & Present) != 0 && (entry & reserved) != 0)
            {
                return c.GeneralProtection();
            }
        }

        return true;
    }

    private static bool SetCr4(Core c, ref TMachine m, ulong value)
    {
        X64CpuState s = c.State;
        ulong known = FlagBits.Cr4Vme | FlagBits.Cr4Pvi | FlagBits.Cr4TimeStampDisable | FlagBits.Cr4DebuggingExtensions | X64Cr4.PageSizeExtensions
            | X64Cr4.PhysicalAddressExtension | FlagBits.Cr4MachineCheck | FlagBits.Cr4GlobalPages | FlagBits.Cr4PerformanceCounters
            | X64Cr4.OsFxsr | X64Cr4.OsXmmExceptions
            | Known(c, X64EmulatorFeatures.Umip, FlagBits.Cr4Umip)
            | Known(c, X64EmulatorFeatures.FiveLevelPaging, FlagBits.Cr4FiveLevels)
            | Known(c, X64EmulatorFeatures.FsGsBase, FlagBits.Cr4FsGsBase)
            | Known(c, X64EmulatorFeatures.Pcid, FlagBits.Cr4Pcid)
            | Known(c, X64EmulatorFeatures.Xsave, X64Cr4.OsXsave)
            | Known(c, X64EmulatorFeatures.Smep, FlagBits.Cr4Smep)
            | Known(c, X64EmulatorFeatures.Smap, FlagBits.Cr4Smap);
        ulong changed = s.Cr4 ^ value;
        bool pcidBegins = (changed & value & FlagBits.Cr4Pcid) != 0;
        if ((value & ~known) != 0
            || (c.IsLong && (value & X64Cr4.PhysicalAddressExtension) == 0)
            || (c.IsLong && (changed & FlagBits.Cr4FiveLevels) != 0)
            || (pcidBegins && (!c.IsLong || (s.Cr3 & 0xFFF) != 0)))
        {
            return c.GeneralProtection();
        }

        const ulong PaeBits = X64Cr4.PhysicalAddressExtension | X64Cr4.PageSizeExtensions | FlagBits.Cr4GlobalPages | FlagBits.Cr4Smep;
        bool pae = c.IsPaging && !c.IsLong && (value & X64Cr4.PhysicalAddressExtension) != 0;
        if (pae && (changed & PaeBits) != 0 && !CheckPointers(c, ref m, s.Cr3))
        {
            return false;
        }

        s.Cr4 = value;
        ChangeTranslation(c);
        return true;
    }

    private static ulong Known(Core c, X64EmulatorFeatures feature, ulong bit) => (c.Features & feature) != 0 ? bit : 0;

    private static void ChangeTranslation(Core c)
    {
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        c.FlushTranslations();
        c.Attention = true;
        c.Refresh();
    }

    internal static bool MoveFromDebug(Core c, ref TMachine m, in Op op)
    {
        if (!CheckDebug(c, op.Reg1, out int index))
        {
            return false;
        }

        SetRegister(c, op.Reg0, ControlSize(c), c.Dr[index]);
        return true;
    }

    internal static bool MoveToDebug(Core c, ref TMachine m, in Op op)
    {
        if (!CheckDebug(c, op.Reg0, out int index))
        {
            return false;
        }

        ulong value = c.Gpr[op.Reg1] & Sizes.Mask(ControlSize(c));
        if (index >= 6 && value > uint.MaxValue)
        {
            return c.GeneralProtection();
        }

        c.Dr[index] = index switch
        {
            6 => (value & 0x1_E00F) | 0xFFFE_0FF0,
            7 => (value & 0xFFFF_2BFF) | 0x400,
            _ => value,
        };
        c.State.Modified |= X64StateGroups.DebugRegisters;
        c.Attention = true;
        return true;
    }

    /// <summary>DR4 and DR5 are DR6 and DR7 unless CR4.DE is set; general detect raises #DB.</summary>
    private static bool CheckDebug(Core c, int register, out int index)
    {
        index = register is 4 or 5 ? register + 2 : register;
        if (register > 7 || (register is 4 or 5 && (c.State.Cr4 & FlagBits.Cr4DebuggingExtensions) != 0))
        {
            return c.Undefined();
        }

        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        if ((c.Dr[7] & FlagBits.Dr7GeneralDetect) != 0)
        {
            c.Exception = new(Vectors.Debug, false, 0, FlagBits.Dr6GeneralDetect, IsTrap: false);
            c.Outcome = Outcome.Fault;
            return false;
        }

        return true;
    }

    internal static bool LoadMachineStatus(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        if (!LoadSelector0(c, ref m, op, out ushort value))
        {
            return false;
        }

        // PE can be set this way, but not cleared.
        ulong cr0 = (c.State.Cr0 & ~0xEUL) | ((ulong)value & 0xF);
        return SetCr0(c, ref m, cr0);
    }

    internal static bool StoreMachineStatus(Core c, ref TMachine m, in Op op)
    {
        if (IsHidden(c))
        {
            return c.GeneralProtection();
        }

        if (op.Kind0 == OperandKind.Memory)
        {
            return Write(c, ref m, op.Segment, Offset(c, op), 2, c.State.Cr0 & 0xFFFF);
        }

        SetRegister0(c, op, c.State.Cr0);
        return true;
    }

    internal static bool ClearTaskSwitched(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        c.State.Cr0 &= ~FlagBits.Cr0TaskSwitched;
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        return true;
    }

    internal static bool InvalidatePage(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        c.FlushTranslations();
        c.Attention = true;
        return true;
    }

    internal static bool InvalidateContext(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        ulong place = Offset(c, op);
        if (!Read(c, ref m, op.Segment, place, 8, out ulong context)
            || !Read(c, ref m, op.Segment, (place + 8) & op.AddressMask, 8, out ulong address))
        {
            return false;
        }

        ulong type = c.Gpr[op.Reg0] & Sizes.Mask(c.Is64 ? 8 : 4);
        bool identifiers = (c.State.Cr4 & FlagBits.Cr4Pcid) != 0;
        if (type > 3 || (context >> 12) != 0 || (type == 0 && !c.IsCanonical(address)) || (type < 2 && !identifiers && context != 0))
        {
            return c.GeneralProtection();
        }

        c.FlushTranslations();
        c.Attention = true;
        return true;
    }

    /// <summary>INVD, WBINVD, WBNOINVD: there are no caches to be seen.</summary>
    internal static bool InvalidateCaches(Core c, ref TMachine m, in Op op) => c.Cpl == 0 || c.GeneralProtection();

    internal static bool ReadExtendedControl(Core c, ref TMachine m, in Op op)
    {
        if ((c.State.Cr4 & X64Cr4.OsXsave) == 0)
        {
            return c.Undefined();
        }

        if ((uint)c.Gpr[RegisterIndex.Rcx] != 0)
        {
            return c.GeneralProtection();
        }

        NeedVector(c, ref m);
        SetPair(c, c.State.Xcr0);
        return true;
    }

    internal static bool WriteExtendedControl(Core c, ref TMachine m, in Op op)
    {
        if ((c.State.Cr4 & X64Cr4.OsXsave) == 0)
        {
            return c.Undefined();
        }

        NeedVector(c, ref m);
        ulong value = Pair(c);
        bool hasAvx = (c.Features & X64EmulatorFeatures.Avx) != 0;
        if (c.Cpl != 0 || (uint)c.Gpr[RegisterIndex.Rcx] != 0 || (value & 1) == 0 || (value & 6) == 4 || (value & ~(hasAvx ? 7UL : 3)) != 0)
        {
            return c.GeneralProtection();
        }

        c.State.Xcr0 = value;
        c.State.Modified |= X64StateGroups.Xcr0;
        c.Attention = true;
        return true;
    }

    /// <summary>Sees to it that x87, SSE and AVX state, with XCR0, is there.</summary>
    internal static void NeedVector(Core c, ref TMachine m)
    {
        if (!c.State.IsVectorStateLoaded)
        {
            m.LoadVectorState(c.State);
            c.State.IsVectorStateLoaded = true;
        }
    }

    /// <summary>EDX:EAX.</summary>
    private static ulong Pair(Core c) => (c.Gpr[RegisterIndex.Rdx] << 32) | (uint)c.Gpr[RegisterIndex.Rax];

    private static void SetPair(Core c, ulong value)
    {
        c.Gpr[RegisterIndex.Rax] = (uint)value;
        c.Gpr[RegisterIndex.Rdx] = value >> 32;
    }
}
