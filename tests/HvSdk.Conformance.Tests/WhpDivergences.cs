namespace HvSdk.Conformance.Tests;

/// <summary>The lines of <see cref="Divergences.Table"/> about the Windows Hypervisor Platform.</summary>
internal static class WhpDivergences
{
    internal static IReadOnlyList<Divergence> Lines { get; } =
    [
        new(
            "dirty-after-reads",
            "whp",
            new DivergentOutcome.Unreliable(new DivergentOutcome.Value("Assert.Empty() Failure: Collection was not empty")),
            "Over the stand-in, a page that the guest has only read may count as written.",
            "The backend's memory is sections. On Linux these are shared memory, whose pages KVM with nested paging makes writable, and counts, at the first read. Not known of Windows."),
        new(
            "task-priority-exit",
            "whp",
            new DivergentOutcome.Exit(VcpuExitKind.PortRead),
            "A guest that lowers its task priority does not leave; the priority is known at its next exit.",
            "The Windows Hypervisor Platform has no exit for CR8."),
    ];
}
