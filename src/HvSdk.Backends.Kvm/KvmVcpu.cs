using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>A KVM vCPU: the run loop's inner half.</summary>
internal sealed unsafe class KvmVcpu : KvmVcpuBase
{
    private readonly KvmX64Partition _partition;
    private readonly KvmX64Vcpu _x64;
    private readonly KvmEmulation? _emulation;

    // SAFETY: both are valid until Dispose, which the core calls when no other call is under way and none will follow.
    private readonly kvm_run* _run;
    private readonly int _number;

    internal KvmVcpu(KvmX64Partition partition, SafeFd vcpu)
        : base(partition, vcpu)
    {
        _partition = partition;
        _run = (kvm_run*)RunPage;
        _number = vcpu.Number;
        try
        {
            _x64 = new KvmX64Vcpu(partition, vcpu, _run);
            _emulation = partition.Host.Options.EmulateFailedInstructions ? new KvmEmulation(partition, vcpu, _x64) : null;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public override X64VcpuBackend X64 => _x64;

    public override void Enter(out VcpuExit exit)
    {
        if (_emulation is { IsAccessOpen: true } && IsEnded(_emulation.Continue(out exit), ref exit))
        {
            return;
        }

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
                // Where generated code would read it: the runtime keeps errno over the return into managed code, and nothing is called between.
                FailedEntry(Marshal.GetLastSystemError(), out exit);
                return;
            }

            if (_emulation is not null && KvmExits.IsFailedInstruction(_run))
            {
                if (IsEnded(_emulation.Start(out exit), ref exit))
                {
                    return;
                }

                continue;
            }

            if (_run->exit_reason != KVM.KVM_EXIT_DIRTY_RING_FULL)
            {
                KvmExits.Decode(_run, _x64.BreakpointsInUse, out exit);
                return;
            }

            // Somebody who collects pages may have emptied the ring first. But a ring that stays full was overrun by the host, and
            // would keep the guest from running for ever.
            if (!_partition.DirtyRings!.Harvest() && ++emptyHarvests > MaxEmptyHarvests)
            {
                exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, KVM.KVM_EXIT_DIRTY_RING_FULL, KvmExits.ExitUnion(_run));
                return;
            }
        }
    }

    public override void AnswerAccess(ReadOnlySpan<byte> data, bool isFaulted)
    {
        if (_emulation is { IsAccessOpen: true })
        {
            data.CopyTo(_emulation.Data);
            return;
        }

        // The block is as the kernel left it at the last exit.
        KvmExits.Decode(_run, _x64.BreakpointsInUse, out VcpuExit exit);
        data.CopyTo(exit.Data);
        if (isFaulted)
        {
            exit.Fault();
        }
    }

    public override void SetDebug(VcpuDebugOptions options) => _x64.SetDebug(options);

    /// <summary>Whether an emulated instruction ends the entry; where the emulator does not know it either, with the kernel's own exit.</summary>
    private bool IsEnded(KvmEmulationResult result, ref VcpuExit exit)
    {
        if (result == KvmEmulationResult.Unsupported)
        {
            KvmExits.Decode(_run, _x64.BreakpointsInUse, out exit);
        }

        return result != KvmEmulationResult.Done;
    }

    /// <summary>Completes a read without running the guest, and sets the registers that the caller has changed meanwhile.</summary>
    /// <remarks>It leaves as by a kick that nobody has asked for, or with the next access of the same instruction.</remarks>
    private void EnterToCompleteRead(out VcpuExit exit)
    {
        Volatile.Write(ref _run->immediate_exit, 1);
        _x64.BeforeEntry();
        if (LibC.ioctl(_number, KVM.KVM_RUN, 0) < 0)
        {
            FailedEntry(Marshal.GetLastSystemError(), out exit);
        }
        else if (_emulation is not null && KvmExits.IsFailedInstruction(_run))
        {
            // It gives up after it has read; the next entry, from where the caller wants it to be, decides what becomes of the instruction.
            exit = ExitFactory.Plain(VcpuExitKind.Canceled);
        }
        else
        {
            KvmExits.Decode(_run, _x64.BreakpointsInUse, out exit);
        }

        if (!_x64.IsReadPending)
        {
            _x64.ApplyDeferredRegisters();
        }
    }

    /// <summary>KVM_RUN returned an error: a kick, a signal, or something that the guest has brought about, which is a value.</summary>
    private void FailedEntry(int error, out VcpuExit exit)
    {
        _x64.IsExitOpen = false;
        if (error is LibC.EINTR or LibC.EAGAIN)
        {
            Volatile.Write(ref _run->immediate_exit, 0);
            exit = ExitFactory.Plain(VcpuExitKind.Canceled);
            return;
        }

        _x64.AfterFailure();
        KvmExits.DecodeError(_run, error, out exit);
    }
}
