using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>A KVM vCPU: the run loop's inner half.</summary>
/// <remarks>
/// A kick sets immediate_exit and then signals the thread: before the entry the flag makes KVM_RUN return at once, after it the signal does.
/// The flag is cleared here when the kernel has seen it, and only then does the core look at who has asked, so none is lost. EINTR alone
/// means nothing: the runtime uses signals too.
/// </remarks>
internal sealed unsafe class KvmVcpu : VcpuBackend
{
    /// <summary>How often a ring may be full and turn out to be empty, one time after the other.</summary>
    private const int MaxEmptyHarvests = 1000;

    private readonly KvmPartition _partition;
    private readonly SafeFd _vcpu;
    private readonly SafeMapping _runMapping;
    private readonly KvmDirtyRing? _dirtyRing;
    private readonly KvmX64Vcpu _x64;
    private readonly int _threadId = LibC.gettid();

    // SAFETY: both are valid until Dispose, which the core calls when no other call is under way and none will follow.
    private readonly kvm_run* _run;
    private readonly int _number;

    internal KvmVcpu(KvmPartition partition, SafeFd vcpu)
    {
        _partition = partition;
        _vcpu = vcpu;
        _ = KickSignal.Number;
        _runMapping = SafeMapping.Map(vcpu, (nuint)partition.Host.VcpuMappingSize, 0, LibC.MAP_SHARED, "mmap of a vCPU");
        _run = (kvm_run*)_runMapping.Pointer;
        _number = vcpu.Number;
        try
        {
            _dirtyRing = partition.DirtyRings?.Add(vcpu);
            _x64 = new KvmX64Vcpu(partition, vcpu, _run);
        }
        catch
        {
            _runMapping.Dispose();
            throw;
        }
    }

    public override X64VcpuBackend X64 => _x64;

    public override void Enter(out VcpuExit exit)
    {
        if (_x64.HasDeferredRegisters)
        {
            EnterToCompleteRead(out exit);
            return;
        }

        int emptyHarvests = 0;
        while (true)
        {
            _x64.BeforeEntry();
            if (LibC.ioctl(_number, KVM.KVM_RUN, 0) < 0)
            {
                FailedEntry(out exit);
                return;
            }

            if (_run->exit_reason != KVM.KVM_EXIT_DIRTY_RING_FULL)
            {
                Decode(out exit);
                return;
            }

            // Somebody who collects pages may have emptied the ring first. But a ring that stays full was overrun by the host, and
            // would keep the guest from running for ever.
            if (!_partition.DirtyRings!.Harvest() && ++emptyHarvests > MaxEmptyHarvests)
            {
                exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, KVM.KVM_EXIT_DIRTY_RING_FULL, ExitUnion());
                return;
            }
        }
    }

    /// <summary>Completes a read without running the guest, and sets the registers that the caller has changed meanwhile.</summary>
    /// <remarks>It leaves as by a kick that nobody has asked for, or with the next access of the same instruction.</remarks>
    private void EnterToCompleteRead(out VcpuExit exit)
    {
        Volatile.Write(ref _run->immediate_exit, 1);
        _x64.BeforeEntry();
        if (LibC.ioctl(_number, KVM.KVM_RUN, 0) < 0)
        {
            FailedEntry(out exit);
        }
        else
        {
            Decode(out exit);
        }

        if (!_x64.IsReadPending)
        {
            _x64.ApplyDeferredRegisters();
        }
    }

    public override void Kick()
    {
        Volatile.Write(ref _run->immediate_exit, 1);
        KickSignal.Send(_threadId);
    }

    public override void SetDebug(VcpuDebugOptions options) => _x64.SetDebug(options);

    public override IReadOnlyList<HostStatistic> ReadStatistics() =>
        _partition.Host.Capabilities.Supports(HypervisorFeatures.HostStatistics) ? KvmStatistics.Read(_vcpu) : [];

    public override void Dispose()
    {
        if (_dirtyRing is not null)
        {
            _partition.DirtyRings!.Remove(_dirtyRing);
        }

        _runMapping.Dispose();
        _vcpu.Dispose();
    }

    /// <summary>KVM_RUN returned an error: a kick, a signal, or something that the guest has brought about, which is a value.</summary>
    private void FailedEntry(out VcpuExit exit)
    {
        int error = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
        if (error is LibC.EINTR or LibC.EAGAIN)
        {
            Volatile.Write(ref _run->immediate_exit, 0);
            exit = ExitFactory.Plain(VcpuExitKind.Canceled);
        }
        else if (error == LibC.EFAULT && _run->exit_reason == KVM.KVM_EXIT_MEMORY_FAULT)
        {
            // struct memory_fault (Linux 6.8): flags, gpa, size.
            exit = ExitFactory.Plain(VcpuExitKind.MemoryFault, _run->hypercall.args[0], (uint)error, ExitUnion());
        }
        else
        {
            exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, (uint)error, ExitUnion());
        }
    }

    private void Decode(out VcpuExit exit)
    {
        uint reason = _run->exit_reason;
        switch (reason)
        {
            case KVM.KVM_EXIT_IO:
                _x64.IsReadPending = _run->io.direction != KVM.KVM_EXIT_IO_OUT;
                exit = ExitFactory.Port(
                    _run->io.direction == KVM.KVM_EXIT_IO_OUT, _run->io.port, PortData(), (int)_run->io.count);
                return;
            case KVM.KVM_EXIT_MMIO:
                _x64.IsReadPending = _run->mmio.is_write == 0;
                // SAFETY: len is 1 to 8 (the kernel splits longer accesses), and data holds 8.
                exit = ExitFactory.Mmio(
                    _run->mmio.is_write != 0, _run->mmio.phys_addr, new Span<byte>(&_run->mmio.data, (int)uint.Min(_run->mmio.len, sizeof(ulong))));
                return;
            case KVM.KVM_EXIT_X86_RDMSR or KVM.KVM_EXIT_X86_WRMSR:
                // SAFETY: both spans lie within the page.
                exit = ExitFactory.Register(
                    reason == KVM.KVM_EXIT_X86_WRMSR, _run->msr.index, new Span<byte>(&_run->msr.data, sizeof(ulong)), new Span<byte>(&_run->msr.error, 1));
                return;
            case KVM.KVM_EXIT_HLT:
                exit = ExitFactory.Plain(VcpuExitKind.Halt);
                return;
            case KVM.KVM_EXIT_IRQ_WINDOW_OPEN:
                _run->request_interrupt_window = 0;
                exit = ExitFactory.Plain(VcpuExitKind.InterruptWindow);
                return;
            case KVM.KVM_EXIT_SHUTDOWN:
                exit = ExitFactory.Plain(VcpuExitKind.Shutdown);
                return;
            case KVM.KVM_EXIT_IOAPIC_EOI:
                exit = ExitFactory.Plain(VcpuExitKind.EndOfInterrupt, _run->eoi.vector);
                return;
            case KVM.KVM_EXIT_SET_TPR:
                exit = ExitFactory.Plain(VcpuExitKind.TaskPriority, _run->cr8);
                return;
            case KVM.KVM_EXIT_INTR:
                exit = ExitFactory.Plain(VcpuExitKind.Canceled);
                return;
            default:
                exit = DecodeRare(reason);
                return;
        }
    }

    private VcpuExit DecodeRare(uint reason) => reason switch
    {
        KVM.KVM_EXIT_DEBUG => _x64.DecodeDebug(ExitUnion()),
        KVM.KVM_EXIT_SYSTEM_EVENT => ExitFactory.SystemEvent(ToSystemEvent(_run->system_event.type), _run->system_event.type, ExitUnion()),
        KVM.KVM_EXIT_HYPERCALL => ExitFactory.Hypercall(
            _run->hypercall.nr,
            new Span<byte>(&_run->hypercall.ret, sizeof(ulong)), // SAFETY: both lie within the page
            new ReadOnlySpan<byte>(&_run->hypercall.args, 6 * sizeof(ulong))),
        KVM.KVM_EXIT_FAIL_ENTRY => ExitFactory.Plain(
            VcpuExitKind.EntryFailure, 0, (uint)_run->fail_entry.hardware_entry_failure_reason, ExitUnion()),
        KVM.KVM_EXIT_INTERNAL_ERROR when _run->@internal.suberror == KVM.KVM_INTERNAL_ERROR_EMULATION => ExitFactory.EmulationFailure(
            FailedInstruction(), _run->@internal.suberror, ExitUnion()),
        KVM.KVM_EXIT_INTERNAL_ERROR => ExitFactory.Plain(VcpuExitKind.HostFailure, 0, _run->@internal.suberror, ExitUnion()),
        _ => ExitFactory.Plain(VcpuExitKind.Unknown, 0, reason, ExitUnion()),
    };

    private static SystemEventKind ToSystemEvent(uint type) => type switch
    {
        KVM.KVM_SYSTEM_EVENT_SHUTDOWN => SystemEventKind.PowerOff,
        KVM.KVM_SYSTEM_EVENT_RESET => SystemEventKind.Reset,
        KVM.KVM_SYSTEM_EVENT_CRASH => SystemEventKind.Crash,
        KVM.KVM_SYSTEM_EVENT_WAKEUP => SystemEventKind.Wakeup,
        KVM.KVM_SYSTEM_EVENT_SUSPEND => SystemEventKind.Suspend,
        _ => SystemEventKind.Unknown,
    };

    // SAFETY: the kernel puts size times count bytes (at most a page) at data_offset, within the pages that are mapped.
    private Span<byte> PortData() => new((byte*)_run + _run->io.data_offset, _run->io.size * (int)_run->io.count);

    private Span<byte> FailedInstruction()
    {
        bool isGiven = _run->emulation_failure.ndata >= 3 && (_run->emulation_failure.flags & KVM.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0;

        // SAFETY: insn_bytes holds 15.
        return isGiven ? new Span<byte>(&_run->emulation_failure.insn_bytes, int.Min(_run->emulation_failure.insn_size, 15)) : default;
    }

    // SAFETY: the union lies within the page.
    private ReadOnlySpan<byte> ExitUnion() => new((byte*)_run + kvm_run.ExitUnionOffset, kvm_run.ExitUnionSize);
}
