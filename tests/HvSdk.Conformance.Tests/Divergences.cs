using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>
/// The one place that knows how hypervisors differ from what the API promises. A test names its behaviour and is written as if all had it; where
/// this table has a line for the hypervisor under test, the test must end in the line's outcome instead. So nothing is skipped, and a line that
/// no longer holds fails. docs/backends.md shows the table to users (<see cref="DivergenceDocumentTests"/> keeps the two in step).
/// </summary>
internal static class Divergences
{
    private const string PvmEmulatesKernelCode =
        "The kernel has KVM without hardware virtualization (KVM_PVM): its instruction emulator interprets all code of privilege level 0, and lacks instructions.";

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

    /// <summary>All lines, in the order of the document.</summary>
    internal static IReadOnlyList<Divergence> Table { get; } =
    [
        new(
            "cmpxchg16b-at-cpl0",
            "kvm_pvm",
            new DivergentOutcome.EmulationFailure("480FC70F"),
            "CMPXCHG16B leaves with EmulationFailure.",
            PvmEmulatesKernelCode),
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
            new DivergentOutcome.Value("the port write is one step"),
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
    ];

    /// <summary>Runs a test body, or, where the table has a line for this hypervisor, asserts that it fails in the way that the line names.</summary>
    /// <param name="behaviour">The behaviour's name, unique among the tests.</param>
    /// <param name="body">The test. It asserts the behaviour as the API promises it.</param>
    internal static void Check(string behaviour, Action body)
    {
        if (Find(behaviour, LiveHypervisor.Capabilities.HostDescription) is not { } divergence)
        {
            body();
            return;
        }

        Exception? failure = Record.Exception(body);
        if (failure is null)
        {
            Assert.Fail($"{divergence.Hypervisor} has the behaviour {behaviour}, and the table says: {divergence.Differs} Take the line out of {nameof(Divergences)}.");
        }

        if (divergence.Outcome.FindMismatch(failure) is { } mismatch)
        {
            Assert.Fail($"The table says of {behaviour} on {divergence.Hypervisor}: {divergence.Differs} The outcome {mismatch}, and is: {failure}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"Diverges as the table says: {divergence.Differs}");
    }

    /// <summary>The line for a behaviour on a host, or null.</summary>
    internal static Divergence? Find(string behaviour, string hostDescription) =>
        Table.FirstOrDefault(line => line.Behaviour == behaviour && (hostDescription.Split(',', ' ')[0] == line.Hypervisor || line.Hypervisor == EmulatedProcessor.Name));
}
