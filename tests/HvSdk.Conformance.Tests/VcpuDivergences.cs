namespace HvSdk.Conformance.Tests;

/// <summary>The lines of <see cref="Divergences.Table"/> about interrupts, debugging and vCPUs.</summary>
internal static class VcpuDivergences
{
    private const string PvmEmulatesKernelCode =
        "KVM_PVM's instruction emulator interprets all code of privilege level 0, many instructions at an entry.";

    private const string PvmEndsInterrupts =
        "KVM_PVM's local APIC ends an interrupt itself when it delivers it; the guest's EOI does nothing.";

    private const string QemuDoesNotIntercept =
        "QEMU 7.2's emulation of SVM hands INT3 to the guest though the hypervisor intercepts it.";

    private const string QemuHasNoGuestBreakpoints =
        "QEMU 7.2's emulation of SVM does not put the guest's DR7 into force.";

    private const string PvmDoesNotDebugUserCode =
        "KVM_PVM runs code of privilege level 3 natively and does not pass its debug exceptions on.";

    private const string PvmDoesNotStopAtInt3 =
        "KVM_PVM does not offer INT3 to the debugger.";

    private const string PvmKnowsNoDataBreakpoints =
        "KVM's instruction emulator looks at breakpoints for execution alone.";

    internal static IReadOnlyList<Divergence> Lines { get; } =
    [
        new(
            "end-of-interrupt",
            "kvm_pvm",
            new DivergentOutcome.Exit(VcpuExitKind.PortWrite),
            "A level-triggered line that is released within its handler interrupts once more.",
            PvmEndsInterrupts),
        new(
            "acknowledge-at-end-of-interrupt",
            "kvm_pvm",
            new DivergentOutcome.Value("The guest has not ended the interrupt yet."),
            "A level-triggered InterruptTrigger is acknowledged when the interrupt is delivered.",
            PvmEndsInterrupts),
        new(
            "software-breakpoint-real-mode",
            "kvm_pvm",
            new DivergentOutcome.Exit(VcpuExitKind.PortWrite),
            "INT3 in real mode raises the guest's exception.",
            PvmDoesNotStopAtInt3),
        new(
            "software-breakpoint-real-mode",
            EmulatedProcessor.QemuTcg,
            new DivergentOutcome.Exit(VcpuExitKind.PortWrite),
            "INT3 raises the guest's exception.",
            QemuDoesNotIntercept),
        new(
            "software-breakpoint-long-mode-cpl0",
            "kvm_pvm",
            new DivergentOutcome.EmulationFailure("CC"),
            "INT3 in long mode leaves with EmulationFailure.",
            PvmEmulatesKernelCode),
        new(
            "software-breakpoint-long-mode-cpl0",
            EmulatedProcessor.QemuTcg,
            new DivergentOutcome.Exit(VcpuExitKind.PortWrite),
            "INT3 raises the guest's exception.",
            QemuDoesNotIntercept),
        new(
            "software-breakpoint-long-mode-cpl3",
            "kvm_pvm",
            new DivergentOutcome.Exit(VcpuExitKind.PortWrite),
            "INT3 at privilege level 3 raises the guest's exception.",
            PvmDoesNotDebugUserCode),
        new(
            "software-breakpoint-long-mode-cpl3",
            EmulatedProcessor.QemuTcg,
            new DivergentOutcome.Exit(VcpuExitKind.PortWrite),
            "INT3 raises the guest's exception.",
            QemuDoesNotIntercept),
        new(
            "execute-breakpoint",
            EmulatedProcessor.QemuTcg,
            new DivergentOutcome.Exit(VcpuExitKind.PortRead),
            "Hardware breakpoints never stop the guest.",
            QemuHasNoGuestBreakpoints),
        new(
            "data-breakpoint",
            "kvm_pvm",
            new DivergentOutcome.Exit(VcpuExitKind.PortRead),
            "Hardware breakpoints for data never stop the guest.",
            PvmKnowsNoDataBreakpoints),
        new(
            "data-breakpoint",
            EmulatedProcessor.QemuTcg,
            new DivergentOutcome.Exit(VcpuExitKind.PortRead),
            "Hardware breakpoints never stop the guest.",
            QemuHasNoGuestBreakpoints),
        new(
            "single-step-at-cpl3",
            "kvm_pvm",
            new DivergentOutcome.Exit(VcpuExitKind.Shutdown),
            "A single step at privilege level 3 raises the guest's debug exception, which shuts a guest without a handler down.",
            PvmDoesNotDebugUserCode),
        new(
            "single-step-over-port-write",
            "kvm_pvm",
            new DivergentOutcome.Value("the write is one step"),
            "A single step over a port write leaves after the instruction that follows it.",
            PvmEmulatesKernelCode),
        new(
            "interrupt-window-at-cpl0",
            "kvm_pvm",
            new DivergentOutcome.Exit(VcpuExitKind.PortRead),
            "A window asked for by RequestInterruptWindow does not leave while the guest is at privilege level 0; CanTakeInterrupt holds at its next exit.",
            PvmEmulatesKernelCode),
        new(
            "task-priority-exit",
            "kvm_pvm",
            new DivergentOutcome.Exit(VcpuExitKind.PortRead),
            "A guest that lowers CR8 does not leave with TaskPriority; CR8 is right at its next exit.",
            PvmEmulatesKernelCode),
        new(
            "store-from-end-of-ram",
            "whp",
            new DivergentOutcome.Exit(VcpuExitKind.EmulationFailure),
            "Over the stand-in, a store that begins in RAM and ends in a device leaves with EmulationFailure, without an instruction.",
            "The stand-in does not find the store that KVM has executed already, and says so with an exit for an unsupported feature. The platform leaves before a store."),
    ];
}
