using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using kvm_run = HvSdk.Backends.Kvm.Interop.Arm64.kvm_run;

namespace HvSdk.Backends.Kvm;

/// <summary>A vCPU of arm64: the run loop's inner half.</summary>
/// <remarks>
/// The kernel waits for interrupts itself, with its GIC and without, so there is no exit at WFI. Where the interrupt controller is the
/// caller's, the kernel tells the virtual timer's output in the shared page and returns when it changes.
/// </remarks>
internal sealed unsafe partial class KvmArm64RunLoop : KvmVcpuBase
{
    private readonly KvmArm64Partition _partition;
    private readonly KvmArm64Registers _registers;
    private readonly KvmArm64Vcpu _arm64;
    private readonly KvmArm64Debugger _debugger;

    // SAFETY: valid until Dispose, which the core calls when no other call is under way and none will follow.
    private readonly kvm_run* _run;
    private int _emptyHarvests;

    internal KvmArm64RunLoop(KvmArm64Partition partition, SafeFd vcpu, int index)
        : base(partition, vcpu)
    {
        _partition = partition;
        _run = (kvm_run*)RunPage;
        _registers = new KvmArm64Registers(vcpu, partition.Gic, Arm64Vcpu.GetAffinity(index));
        _arm64 = new KvmArm64Vcpu(this, partition, vcpu, _registers, index);
        _debugger = new KvmArm64Debugger(vcpu, _registers);
    }

    public override Arm64VcpuBackend Arm64 => _arm64;

    private ReadOnlySpan<byte> RawData => KvmArm64Exits.ExitUnion(_run);

    /// <summary>The timer asserts its interrupt, and its owner has not been told.</summary>
    private bool IsTimerDue =>
        !_partition.HasGic && !_arm64.IsVirtualTimerMasked && (_run->s.regs.device_irq_level & KVM_ARM64.KVM_ARM_DEV_EL1_VTIMER) != 0;

    public override void Enter(out VcpuExit exit)
    {
        if (!TryComplete(out exit))
        {
            return;
        }

        if (IsTimerDue)
        {
            // It was told with an exit for something else, which is completed first: such an entry does not run the guest.
            Volatile.Write(ref _run->immediate_exit, 1);
        }

        _emptyHarvests = 0;
        _isKernelsAccessOpen = false;
        do
        {
            _debugger.BeforeEntry();
            int result = Descriptor.Run();
            if (result < 0)
            {
                FailedEntry(-result, out exit);
                return;
            }
        }
        while (!TryDecode(out exit));
    }

    public override void SetDebug(VcpuDebugOptions options) => _debugger.Set(options);

    /// <summary>KVM_RUN returned an error: a kick, a signal, the timer, or something that the guest has brought about, which is a value.</summary>
    private void FailedEntry(int error, out VcpuExit exit)
    {
        if (error is not (LibC.EINTR or LibC.EAGAIN))
        {
            KvmArm64Exits.DecodeError(_run, error, out exit);
            return;
        }

        Volatile.Write(ref _run->immediate_exit, 0);
        if (IsTimerDue)
        {
            // Whoever has kicked meanwhile is remembered by the core.
            _arm64.IsVirtualTimerMasked = true;
            exit = ExitFactory.Plain(VcpuExitKind.Timer);
            return;
        }

        exit = ExitFactory.Plain(VcpuExitKind.Canceled);
    }

    /// <summary>Makes an exit of what the run has ended with.</summary>
    /// <returns>False where the guest goes on: nobody above need know.</returns>
    private bool TryDecode(out VcpuExit exit)
    {
        switch (_run->exit_reason)
        {
            case KVM.KVM_EXIT_MMIO when _partition.Frame is { } frame && frame.Contains(_run->mmio.phys_addr):
                exit = KvmArm64Exits.Mmio(_run);
                Answer(frame, exit);
                return false;
            case KVM_ARM64.KVM_EXIT_ARM_NISV:
                StartAccess(out exit);
                return true;
            case KVM.KVM_EXIT_HYPERCALL:
                StartCall(out exit);
                return true;
            case KVM.KVM_EXIT_DEBUG:
                var syndrome = new Arm64Syndrome(_run->debug.arch.hsr | ((ulong)_run->debug.arch.hsr_high << 32));
                return _debugger.TryDecode(syndrome, _run->debug.arch.far, RawData, out exit);
            case KVM.KVM_EXIT_DIRTY_RING_FULL:
                // Somebody who collects pages may have emptied the ring first. But a ring that stays full was overrun by the host, and would keep the guest from running for ever.
                exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, KVM.KVM_EXIT_DIRTY_RING_FULL, RawData);
                return !_partition.DirtyRings!.Harvest() && ++_emptyHarvests > MaxEmptyHarvests;
            default:
                _isKernelsAccessOpen = _run->exit_reason == KVM.KVM_EXIT_MMIO;
                exit = KvmArm64Exits.Decode(_run);
                return true;
        }
    }

    private void Answer(KvmMsiFrame frame, VcpuExit exit)
    {
        if (exit.Kind == VcpuExitKind.MmioRead)
        {
            frame.Read(exit.Address, exit.Data);
        }
        else if (frame.TryWrite(exit.Address, exit.Data, out int line))
        {
            _partition.Pulse(line);
        }
    }
}
