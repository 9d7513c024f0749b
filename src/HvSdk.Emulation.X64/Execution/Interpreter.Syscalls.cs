namespace HvSdk.Emulation;

/// <summary>SYSCALL SYSRET SYSENTER SYSEXIT SWAPGS and the segment bases (Intel SDM vol. 3A, 5.8.7 and 5.8.8; vol. 2B).</summary>
internal static partial class Interpreter<TMachine>
{
    private const uint CompatibilityStar = 0xC000_0083;

    private static bool ReadMsr(Core c, ref TMachine m, uint index, out ulong value) => m.TryReadMsr(index, out value) || c.GeneralProtection();

    private static X64Segment FlatSegment(int selector, int cpl, bool isCode, bool isLong) => new()
    {
        Limit = uint.MaxValue,
        Selector = (ushort)selector,
        Type = (byte)(isCode ? 0xB : 3),
        PrivilegeLevel = (byte)cpl,
        IsCodeOrData = true,
        IsPresent = true,
        IsLong = isLong,
        IsDefault32 = !isLong,
        IsGranular = true,
    };

    private static void EnterFlat(Core c, int code, int stack, int cpl, bool isLong, ulong target)
    {
        c.Segments[SegmentIndex.Cs] = FlatSegment(code, cpl, isCode: true, isLong);
        c.Segments[SegmentIndex.Ss] = FlatSegment(stack, cpl, isCode: false, isLong: false);
        c.NextRip = isLong ? target : (uint)target;
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        c.Attention = true;
        c.Refresh();
    }

    /// <summary>
    /// SYSCALL and SYSRET trap by the TF that they leave behind, not by the one that they found: SYSRET that sets it traps before the first instruction
    /// at its target, and SYSCALL whose mask clears it does not trap.
    /// </summary>
    private static bool TrapByNewFlag(Core c)
    {
        c.NoTrap = true;
        if ((c.State.Flags & FlagBits.T) == 0)
        {
            return true;
        }

        c.Exception = new(Vectors.Debug, false, 0, FlagBits.Dr6SingleStep, IsTrap: true);
        c.Outcome = Outcome.Fault;
        return false;
    }

    internal static bool Syscall(Core c, ref TMachine m, in Op op)
    {
        if ((c.State.Efer & X64Efer.SyscallEnable) == 0 || !c.IsProtected || (!c.Is64 && (c.Features & X64EmulatorFeatures.SyscallInProtectedMode) == 0))
        {
            return c.Undefined();
        }

        if (!ReadMsr(c, ref m, X64MsrIndex.Star, out ulong star))
        {
            return false;
        }

        int code = (int)(star >> 32) & 0xFFFC;
        if (!c.IsLong)
        {
            // Legacy mode: the target is in STAR itself, and only some flags go.
            c.Gpr[RegisterIndex.Rcx] = (uint)c.NextRip;
            c.State.Flags &= ~(FlagBits.Vm | FlagBits.I | FlagBits.Rf);
            EnterFlat(c, code, code + 8, cpl: 0, isLong: false, (uint)star);
            return TrapByNewFlag(c);
        }

        if (!ReadMsr(c, ref m, c.Is64 ? X64MsrIndex.Lstar : CompatibilityStar, out ulong target) || !ReadMsr(c, ref m, X64MsrIndex.Fmask, out ulong mask))
        {
            return false;
        }

        c.Gpr[RegisterIndex.Rcx] = c.NextRip;
        c.Gpr[11] = c.State.Flags & ~FlagBits.Rf;
        c.State.Flags = (c.State.Flags & ~mask & ~FlagBits.Rf) | X64Flags.Reserved1;
        EnterFlat(c, code, code + 8, cpl: 0, isLong: true, target);
        return TrapByNewFlag(c);
    }

    internal static bool Sysret(Core c, ref TMachine m, in Op op)
    {
        if ((c.State.Efer & X64Efer.SyscallEnable) == 0 || (!c.Is64 && (c.Features & X64EmulatorFeatures.SyscallInProtectedMode) == 0))
        {
            return c.Undefined();
        }

        if (!c.IsProtected || c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        if (!ReadMsr(c, ref m, X64MsrIndex.Star, out ulong star))
        {
            return false;
        }

        bool to64 = op.Code == Iced.Intel.Code.Sysretq;
        ulong target = c.Gpr[RegisterIndex.Rcx];
        if (to64 && !c.IsCanonical(target))
        {
            return c.GeneralProtection();
        }

        int selector = (int)(star >> 48);
        int code = ((to64 ? selector + 16 : selector) | 3) & 0xFFFF;
        int stack = ((selector + 8) | 3) & 0xFFFF;
        if (c.IsLong)
        {
            ulong kept = c.State.Flags & FlagBits.Vm;
            c.State.Flags = (c.Gpr[11] & FlagBits.Implemented & ~(FlagBits.Rf | FlagBits.Vm)) | kept | X64Flags.Reserved1;
        }
        else
        {
            c.State.Flags |= FlagBits.I;
        }

        EnterFlat(c, code, stack, cpl: 3, to64, target);
        return TrapByNewFlag(c);
    }

    internal static bool Sysenter(Core c, ref TMachine m, in Op op)
    {
        if (c.IsLong && (c.Features & X64EmulatorFeatures.SysenterInLongMode) == 0)
        {
            return c.Undefined();
        }

        if (!c.IsProtected)
        {
            return c.GeneralProtection();
        }

        if (!ReadMsr(c, ref m, X64MsrIndex.SysenterCs, out ulong cs)
            || !ReadMsr(c, ref m, X64MsrIndex.SysenterEip, out ulong target)
            || !ReadMsr(c, ref m, X64MsrIndex.SysenterEsp, out ulong stack))
        {
            return false;
        }

        if ((cs & 0xFFFC) == 0)
        {
            return c.GeneralProtection();
        }

        int code = (int)cs & 0xFFFC;
        c.State.Flags &= ~(FlagBits.Vm | FlagBits.I | FlagBits.Rf);
        c.Gpr[RegisterIndex.Rsp] = c.IsLong ? stack : (uint)stack;
        EnterFlat(c, code, code + 8, cpl: 0, isLong: c.IsLong, target);
        return true;
    }

    internal static bool Sysexit(Core c, ref TMachine m, in Op op)
    {
        if (c.IsLong && (c.Features & X64EmulatorFeatures.SysenterInLongMode) == 0)
        {
            return c.Undefined();
        }

        if (!c.IsProtected || c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        if (!ReadMsr(c, ref m, X64MsrIndex.SysenterCs, out ulong cs))
        {
            return false;
        }

        bool to64 = op.Code == Iced.Intel.Code.Sysexitq;
        ulong target = c.Gpr[RegisterIndex.Rdx];
        ulong stack = c.Gpr[RegisterIndex.Rcx];
        if ((cs & 0xFFFC) == 0 || (to64 && (!c.IsCanonical(target) || !c.IsCanonical(stack))))
        {
            return c.GeneralProtection();
        }

        int code = ((int)cs & 0xFFFC) + (to64 ? 32 : 16);
        c.Gpr[RegisterIndex.Rsp] = to64 ? stack : (uint)stack;
        EnterFlat(c, code | 3, (code + 8) | 3, cpl: 3, to64, target);
        return true;
    }

    internal static bool SwapGs(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        ref X64Segment gs = ref c.Segments[SegmentIndex.Gs];
        if (!ReadMsr(c, ref m, X64MsrIndex.KernelGsBase, out ulong other))
        {
            return false;
        }

        if (!m.TryWriteMsr(X64MsrIndex.KernelGsBase, gs.Base))
        {
            return c.GeneralProtection();
        }

        SetSegmentBase(c, SegmentIndex.Gs, other);
        return true;
    }

    private static void SetSegmentBase(Core c, int index, ulong value)
    {
        c.Segments[index].Base = value;
        c.State.Modified |= X64StateGroups.SpecialRegisters;
        c.Attention = true;
        c.Refresh();
    }

    internal static bool ReadSegmentBase(Core c, in Op op, int index)
    {
        if ((c.State.Cr4 & FlagBits.Cr4FsGsBase) == 0)
        {
            return c.Undefined();
        }

        SetRegister0(c, op, c.Segments[index].Base);
        return true;
    }

    internal static bool WriteSegmentBase(Core c, in Op op, int index)
    {
        if ((c.State.Cr4 & FlagBits.Cr4FsGsBase) == 0)
        {
            return c.Undefined();
        }

        ulong value = c.Gpr[op.Reg0] & op.Mask;
        if (!c.IsCanonical(value))
        {
            return c.GeneralProtection();
        }

        SetSegmentBase(c, index, value);
        return true;
    }
}
