using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>Registers, injection and debugging of a KVM vCPU.</summary>
/// <remarks>
/// Where the kernel can, registers that were asked for after one exit come along with the next one in the shared page: that is much cheaper
/// than asking for them, and costs nothing for callers who never do.
/// </remarks>
internal sealed unsafe class KvmX64Vcpu : X64VcpuBackend
{
    internal const int HardwareBreakpoints = 4;

    private const ulong Dr7GlobalExact = 1UL << 9;
    private const ulong Dr7Reserved = 1UL << 10;

    private readonly KvmX64Partition _partition;
    private readonly SafeFd _vcpu;

    // SAFETY: KvmVcpu owns the page and this object, and neither is used after its disposal.
    private readonly kvm_run* _run;
    private readonly ulong _syncable;
    private ulong _asked;
    private ulong _cached;
    private bool _interruptOnItsWay;
    private kvm_regs _registersAtRead;
    private kvm_regs _deferredRegisters;

    internal KvmX64Vcpu(KvmX64Partition partition, SafeFd vcpu, kvm_run* run)
    {
        _partition = partition;
        _vcpu = vcpu;
        _run = run;
        _syncable = partition.Platform.SyncableRegisters;
    }

    /// <summary>Counts what may have changed the state between exits.</summary>
    internal int StateVersion { get; private set; }

    /// <summary>A bit for each hardware breakpoint that the host has set.</summary>
    internal ulong BreakpointsInUse { get; private set; }

    public override long TscFrequency => _vcpu.Control(KVM.KVM_GET_TSC_KHZ, 0, nameof(KVM.KVM_GET_TSC_KHZ)) * 1000L;

    public override bool CanTakeInterrupt => _run->ready_for_interrupt_injection != 0 && !_interruptOnItsWay;

    /// <summary>Asks for the registers that were read since the last exit, and forgets those that came with it.</summary>
    internal void BeforeEntry()
    {
        _run->kvm_valid_regs = _asked;
        _cached = _asked;
        _asked = 0;
        _interruptOnItsWay = false;
        IsExitOpen = true;
    }

    /// <summary>The kernel has failed, and may not have brought the registers that were asked for.</summary>
    internal void AfterFailure() => _cached = 0;

    /// <summary>The exit block tells what the last entry ended with; it does not where the entry failed.</summary>
    internal bool IsExitOpen { get; set; }

    /// <summary>The last exit was a port or MMIO read, which the next entry completes.</summary>
    internal bool IsReadPending => IsExitOpen
        && ((_run->exit_reason == KVM.KVM_EXIT_MMIO && _run->mmio.is_write == 0)
            || (_run->exit_reason == KVM.KVM_EXIT_IO && _run->io.direction != KVM.KVM_EXIT_IO_OUT));

    /// <summary>General registers were set while a read was pending, and the kernel does not have them yet.</summary>
    /// <remarks>
    /// Where KVM's emulator completes the read, it writes the answer into its own copy of the registers, and KVM_SET_REGS in between makes it
    /// drop that copy, and so the answer. So the read is completed first, and what the caller has changed is set then.
    /// </remarks>
    internal bool HasDeferredRegisters { get; private set; }

    public override void GetRegisters(out X64Registers registers) =>
        registers = KvmRegisters.FromNative(HasDeferredRegisters ? _deferredRegisters : GetRegs());

    public override void SetRegisters(in X64Registers registers)
    {
        StateVersion++;
        kvm_regs native = KvmRegisters.ToNative(registers);
        if (IsReadPending)
        {
            if (!HasDeferredRegisters)
            {
                _registersAtRead = GetRegs();
                HasDeferredRegisters = true;
            }

            _deferredRegisters = native;
            return;
        }

        SetRegs(native);
    }

    /// <summary>
    /// Gives the kernel the registers that the caller has changed at a read which is complete now; the others are the instruction's. Who has
    /// moved RIP has given the instruction up: all registers are the caller's then.
    /// </summary>
    internal void ApplyDeferredRegisters()
    {
        HasDeferredRegisters = false;
        if (_deferredRegisters.rip != _registersAtRead.rip)
        {
            SetRegs(_deferredRegisters);
            return;
        }

        kvm_regs native = default;
        _vcpu.Control(KVM.KVM_GET_REGS, ref native, nameof(KVM.KVM_GET_REGS));
        Span<ulong> values = MemoryMarshal.Cast<kvm_regs, ulong>(new Span<kvm_regs>(ref native));
        ReadOnlySpan<ulong> before = MemoryMarshal.Cast<kvm_regs, ulong>(new ReadOnlySpan<kvm_regs>(in _registersAtRead));
        ReadOnlySpan<ulong> wanted = MemoryMarshal.Cast<kvm_regs, ulong>(new ReadOnlySpan<kvm_regs>(in _deferredRegisters));
        for (int i = 0; i < values.Length; i++)
        {
            if (wanted[i] != before[i])
            {
                values[i] = wanted[i];
            }
        }

        SetRegs(native);
    }

    private kvm_regs GetRegs()
    {
        kvm_regs native = default;
        if (IsCached(KVM.KVM_SYNC_X86_REGS))
        {
            return _run->s.regs.regs;
        }

        _vcpu.Control(KVM.KVM_GET_REGS, ref native, nameof(KVM.KVM_GET_REGS));
        return native;
    }

    private void SetRegs(kvm_regs native)
    {
        _vcpu.Control(KVM.KVM_SET_REGS, ref native, nameof(KVM.KVM_SET_REGS));
        _cached &= ~(ulong)KVM.KVM_SYNC_X86_REGS;
    }

    public override void GetSpecialRegisters(out X64SpecialRegisters registers) => registers = KvmRegisters.FromNative(GetSregs());

    public override void SetSpecialRegisters(in X64SpecialRegisters registers)
    {
        StateVersion++;
        // Interrupts on their way are kept in the same structure; they stay as they are.
        kvm_sregs native = KvmRegisters.ToNative(registers, GetSregs());
        _vcpu.Control(KVM.KVM_SET_SREGS, ref native, nameof(KVM.KVM_SET_SREGS));
        _cached &= ~(ulong)KVM.KVM_SYNC_X86_SREGS;

        // Without a local APIC in the kernel, each entry takes CR8 from here.
        _run->cr8 = registers.Cr8;
    }

    public override void GetDebugRegisters(out X64DebugRegisters registers)
    {
        kvm_debugregs native = default;
        _vcpu.Control(KVM.KVM_GET_DEBUGREGS, ref native, nameof(KVM.KVM_GET_DEBUGREGS));
        registers = KvmRegisters.FromNative(native);
    }

    public override void SetDebugRegisters(in X64DebugRegisters registers)
    {
        StateVersion++;
        kvm_debugregs native = KvmRegisters.ToNative(registers);
        _vcpu.Control(KVM.KVM_SET_DEBUGREGS, ref native, nameof(KVM.KVM_SET_DEBUGREGS));
    }

    public override byte[] GetXsave() => KvmXsave.Read(_vcpu, _partition.XsaveSize);

    public override void SetXsave(ReadOnlySpan<byte> xsave)
    {
        StateVersion++;
        KvmXsave.Write(_vcpu, _partition.XsaveSize, xsave);
    }

    public override X64XcrValue[] GetXcrs()
    {
        kvm_xcrs native = default;
        _vcpu.Control(KVM.KVM_GET_XCRS, ref native, nameof(KVM.KVM_GET_XCRS));
        var result = new X64XcrValue[int.Min((int)native.nr_xcrs, 16)];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = new X64XcrValue(native.xcrs[i].xcr, native.xcrs[i].value);
        }

        return result;
    }

    public override void SetXcrs(ReadOnlySpan<X64XcrValue> xcrs)
    {
        StateVersion++;
        const int most = 16;
        if (xcrs.Length > most)
        {
            throw new ArgumentException($"{xcrs.Length} extended control registers were given, and KVM takes {most}.", nameof(xcrs));
        }

        kvm_xcrs native = new() { nr_xcrs = (uint)xcrs.Length };
        for (int i = 0; i < xcrs.Length; i++)
        {
            native.xcrs[i] = new kvm_xcr { xcr = xcrs[i].Index, value = xcrs[i].Value };
        }

        _vcpu.Control(KVM.KVM_SET_XCRS, ref native, nameof(KVM.KVM_SET_XCRS));
    }

    public override void GetMsrs(ReadOnlySpan<uint> indexes, Span<ulong> values)
    {
        int done = KvmMsrs.Read(_vcpu, indexes, values);
        if (done < indexes.Length)
        {
            throw KvmError.Create(nameof(KVM.KVM_GET_MSRS), LibC.EINVAL, $"KVM does not know MSR 0x{indexes[done]:X}.");
        }
    }

    public override void SetMsrs(ReadOnlySpan<X64MsrValue> msrs)
    {
        StateVersion++;
        // EFER, the APIC base and the segment bases are special registers too.
        _cached &= ~(ulong)KVM.KVM_SYNC_X86_SREGS;
        int done = KvmMsrs.Write(_vcpu, msrs);
        if (done < msrs.Length)
        {
            throw KvmError.Create(nameof(KVM.KVM_SET_MSRS), LibC.EINVAL, $"KVM refuses 0x{msrs[done].Value:X} for MSR 0x{msrs[done].Index:X}.");
        }
    }

    public override X64CpuidTable GetCpuid() => new(KvmCpuid.Read(_vcpu, KVM.KVM_GET_CPUID2, nameof(KVM.KVM_GET_CPUID2), _partition.CpuidCount));

    public override void InjectInterrupt(byte vector)
    {
        StateVersion++;
        kvm_interrupt native = new() { irq = vector };
        _vcpu.Control(KVM.KVM_INTERRUPT, ref native, nameof(KVM.KVM_INTERRUPT));
        _cached &= ~(ulong)KVM.KVM_SYNC_X86_SREGS;
        _interruptOnItsWay = true;
    }

    public override void InjectNmi() => _vcpu.Control(KVM.KVM_NMI, 0, nameof(KVM.KVM_NMI));

    public override void RequestInterruptWindow(bool enabled) => _run->request_interrupt_window = KvmBits.From(enabled);

    public override X64ActivityState Activity => KvmVcpuState.ReadActivity(_vcpu);

    public override X64VcpuState SaveState() => KvmVcpuState.Save(this, _vcpu, _partition);

    public override void LoadState(X64VcpuState state)
    {
        StateVersion++;
        KvmVcpuState.Load(this, _vcpu, _partition, state);
        _cached = 0;
    }

    /// <summary>What the host debugs with (Intel SDM vol. 3B, 18.2.4): enable bits, kinds and lengths of DR7, addresses in DR0 to DR3.</summary>
    internal void SetDebug(VcpuDebugOptions options)
    {
        kvm_guest_debug native = default;
        native.control = (options.SingleStep ? KVM.KVM_GUESTDBG_SINGLESTEP : 0)
            | (options.SoftwareBreakpoints ? KVM.KVM_GUESTDBG_USE_SW_BP : 0)
            | (options.HardwareBreakpoints.Count > 0 ? KVM.KVM_GUESTDBG_USE_HW_BP : 0);
        if (native.control != 0)
        {
            native.control |= KVM.KVM_GUESTDBG_ENABLE;
        }

        ulong dr7 = Dr7GlobalExact | Dr7Reserved;
        for (int i = 0; i < options.HardwareBreakpoints.Count; i++)
        {
            HardwareBreakpoint breakpoint = options.HardwareBreakpoints[i];
            native.arch.debugreg[i] = breakpoint.Address;
            dr7 |= (2UL << (i * 2)) | ((ulong)(Kind(breakpoint.Kind) | (Length(breakpoint.Length) << 2)) << (16 + (i * 4)));
        }

        BreakpointsInUse = (1UL << options.HardwareBreakpoints.Count) - 1;
        native.arch.debugreg[7] = dr7;
        _vcpu.Control(KVM.KVM_SET_GUEST_DEBUG, ref native, nameof(KVM.KVM_SET_GUEST_DEBUG));

        static int Kind(HardwareBreakpointKind kind) => kind switch
        {
            HardwareBreakpointKind.Execute => 0,
            HardwareBreakpointKind.Write => 1,
            _ => 3,
        };

        static int Length(int length) => length switch
        {
            8 => 2,
            _ => length - 1,
        };
    }

    private kvm_sregs GetSregs()
    {
        kvm_sregs native = default;
        if (IsCached(KVM.KVM_SYNC_X86_SREGS))
        {
            return _run->s.regs.sregs;
        }

        _vcpu.Control(KVM.KVM_GET_SREGS, ref native, nameof(KVM.KVM_GET_SREGS));
        return native;
    }

    private bool IsCached(ulong group)
    {
        _asked |= group & _syncable;
        return (_cached & group) != 0;
    }
}
