namespace HvSdk.Conformance.Tests;

/// <summary>The lines of <see cref="Divergences.Table"/> about the Windows Hypervisor Platform.</summary>
internal static class WhpDivergences
{
    internal static IReadOnlyList<Divergence> Lines { get; } =
    [
        new(
            "task-priority-exit",
            "whp",
            new DivergentOutcome.Exit(VcpuExitKind.PortRead),
            "A guest that lowers its task priority does not leave; the priority is known at its next exit.",
            "The Windows Hypervisor Platform has no exit for CR8."),
    ];
}
