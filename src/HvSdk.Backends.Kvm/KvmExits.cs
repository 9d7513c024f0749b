using System.Numerics;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>From the kernel's exit block to the core's exit: what each number of linux/kvm.h means, with no vCPU involved.</summary>
/// <remarks>The spans of an exit point into the block, which lives until the vCPU is disposed of; the core hands none out beyond the next entry.</remarks>
internal static unsafe class KvmExits
{
    private const byte BreakpointVector = 3;
    private const ulong Dr6SingleStep = 1UL << 14;

    /// <summary>KVM_RUN returned an exit.</summary>
    /// <param name="run">The exit block.</param>
    /// <param name="breakpointsInUse">A bit for each hardware breakpoint that the host has set.</param>
    /// <param name="exit">The exit.</param>
    internal static void Decode(kvm_run* run, ulong breakpointsInUse, out VcpuExit exit)
    {
        uint reason = run->exit_reason;
        switch (reason)
        {
            case KVM.KVM_EXIT_IO:
                exit = ExitFactory.Port(
                    run->io.direction == KVM.KVM_EXIT_IO_OUT, run->io.port, PortData(run), (int)run->io.count);
                return;
            case KVM.KVM_EXIT_MMIO:
                // SAFETY: len is 1 to 8 (the kernel splits longer accesses), and data holds 8.
                exit = ExitFactory.Mmio(
                    run->mmio.is_write != 0, run->mmio.phys_addr, new Span<byte>(&run->mmio.data, (int)uint.Min(run->mmio.len, sizeof(ulong))));
                return;
            case KVM.KVM_EXIT_X86_RDMSR or KVM.KVM_EXIT_X86_WRMSR:
                // SAFETY: both spans lie within the page.
                exit = ExitFactory.Register(
                    reason == KVM.KVM_EXIT_X86_WRMSR, run->msr.index, new Span<byte>(&run->msr.data, sizeof(ulong)), new Span<byte>(&run->msr.error, 1));
                return;
            case KVM.KVM_EXIT_HLT:
                exit = ExitFactory.Plain(VcpuExitKind.Halt);
                return;
            case KVM.KVM_EXIT_IRQ_WINDOW_OPEN:
                run->request_interrupt_window = 0;
                exit = ExitFactory.Plain(VcpuExitKind.InterruptWindow);
                return;
            case KVM.KVM_EXIT_SHUTDOWN:
                exit = ExitFactory.Plain(VcpuExitKind.Shutdown);
                return;
            case KVM.KVM_EXIT_IOAPIC_EOI:
                exit = ExitFactory.Plain(VcpuExitKind.EndOfInterrupt, run->eoi.vector);
                return;
            case KVM.KVM_EXIT_SET_TPR:
                exit = ExitFactory.Plain(VcpuExitKind.TaskPriority, run->cr8);
                return;
            case KVM.KVM_EXIT_INTR:
                exit = ExitFactory.Plain(VcpuExitKind.Canceled);
                return;
            default:
                exit = DecodeRare(run, reason, breakpointsInUse);
                return;
        }
    }

    /// <summary>The kernel's emulator does not know an instruction.</summary>
    internal static bool IsFailedInstruction(kvm_run* run) =>
        run->exit_reason == KVM.KVM_EXIT_INTERNAL_ERROR && run->@internal.suberror == KVM.KVM_INTERNAL_ERROR_EMULATION;

    private static VcpuExit DecodeRare(kvm_run* run, uint reason, ulong breakpointsInUse) => reason switch
    {
        KVM.KVM_EXIT_DEBUG => DecodeDebug(run, breakpointsInUse),
        KVM.KVM_EXIT_SYSTEM_EVENT => ExitFactory.SystemEvent(ToSystemEvent(run->system_event.type), run->system_event.type, ExitUnion(run)),
        KVM.KVM_EXIT_HYPERCALL => ExitFactory.Hypercall(
            run->hypercall.nr,
            new Span<byte>(&run->hypercall.ret, sizeof(ulong)), // SAFETY: both lie within the page
            new ReadOnlySpan<byte>(&run->hypercall.args, 6 * sizeof(ulong))),
        KVM.KVM_EXIT_FAIL_ENTRY => ExitFactory.Plain(
            VcpuExitKind.EntryFailure, 0, (uint)run->fail_entry.hardware_entry_failure_reason, ExitUnion(run)),
        KVM.KVM_EXIT_INTERNAL_ERROR when run->@internal.suberror == KVM.KVM_INTERNAL_ERROR_EMULATION => ExitFactory.EmulationFailure(
            FailedInstruction(run), run->@internal.suberror, ExitUnion(run)),
        KVM.KVM_EXIT_INTERNAL_ERROR => ExitFactory.Plain(VcpuExitKind.HostFailure, 0, run->@internal.suberror, ExitUnion(run)),
        _ => ExitFactory.Plain(VcpuExitKind.Unknown, 0, reason, ExitUnion(run)),
    };

    internal static SystemEventKind ToSystemEvent(uint type) => type switch
    {
        KVM.KVM_SYSTEM_EVENT_SHUTDOWN => SystemEventKind.PowerOff,
        KVM.KVM_SYSTEM_EVENT_RESET => SystemEventKind.Reset,
        KVM.KVM_SYSTEM_EVENT_CRASH => SystemEventKind.Crash,
        KVM.KVM_SYSTEM_EVENT_WAKEUP => SystemEventKind.Wakeup,
        KVM.KVM_SYSTEM_EVENT_SUSPEND => SystemEventKind.Suspend,
        _ => SystemEventKind.Unknown,
    };

    // SAFETY: the kernel puts size times count bytes (at most a page) at data_offset, within the pages that are mapped.
    private static Span<byte> PortData(kvm_run* run) => new((byte*)run + run->io.data_offset, run->io.size * (int)run->io.count);

    private static Span<byte> FailedInstruction(kvm_run* run)
    {
        bool isGiven = run->emulation_failure.ndata >= 3 && (run->emulation_failure.flags & KVM.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0;

        // SAFETY: insn_bytes holds 15.
        return isGiven ? new Span<byte>(&run->emulation_failure.insn_bytes, int.Min(run->emulation_failure.insn_size, 15)) : default;
    }

    // SAFETY: the union lies within the page.
    internal static ReadOnlySpan<byte> ExitUnion(kvm_run* run) => new((byte*)run + kvm_run.ExitUnionOffset, kvm_run.ExitUnionSize);

    /// <summary>Which condition has stopped the vCPU (Intel SDM vol. 3B, 18.2.3: DR6).</summary>
    private static VcpuExit DecodeDebug(kvm_run* run, ulong breakpointsInUse)
    {
        kvm_debug_exit_arch debug = run->debug.arch;
        ReadOnlySpan<byte> raw = ExitUnion(run);
        if (debug.exception == BreakpointVector)
        {
            return ExitFactory.Debug(DebugCause.SoftwareBreakpoint, debug.pc, 0, raw);
        }

        // A processor may also tell of breakpoints that match and are not enabled (Intel SDM vol. 3B, 18.2.3).
        ulong hit = debug.dr6 & breakpointsInUse;
        if (hit != 0)
        {
            return ExitFactory.Debug(DebugCause.HardwareBreakpoint, debug.pc, BitOperations.TrailingZeroCount(hit), raw);
        }

        return ExitFactory.Debug((debug.dr6 & Dr6SingleStep) != 0 ? DebugCause.SingleStep : DebugCause.Unknown, debug.pc, 0, raw);
    }

    /// <summary>KVM_RUN returned an error that the guest may have brought about: a value, as all that a guest does.</summary>
    internal static void DecodeError(kvm_run* run, int error, out VcpuExit exit)
    {
        if (error == LibC.EFAULT && run->exit_reason == KVM.KVM_EXIT_MEMORY_FAULT)
        {
            exit = ExitFactory.Plain(VcpuExitKind.MemoryFault, run->memory_fault.gpa, (uint)error, ExitUnion(run));
        }
        else
        {
            exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, (uint)error, ExitUnion(run));
        }
    }
}
