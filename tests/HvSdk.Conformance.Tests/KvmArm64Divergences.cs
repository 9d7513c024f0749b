namespace HvSdk.Conformance.Tests;

/// <summary>The lines of <see cref="Divergences.Table"/> about KVM on arm64.</summary>
internal static class KvmArm64Divergences
{
    private const string Host = "kvm_arm64";

    private const string ExceptionInstead = "KVM raises an abort of the guest's own where a fetch or a walk of the tables finds no memory.";

    internal static IReadOnlyList<Divergence> Lines { get; } =
    [
        new(
            "wfi-exit",
            Host,
            new DivergentOutcome.NoExit(),
            "WFI does not leave with Halt where the interrupt controller is the caller's: the run lasts until an input, the timer or Cancel.",
            "KVM waits in the kernel, whoever keeps the interrupt controller."),
        new(
            "load-extending-the-sign",
            Host,
            new DivergentOutcome.Value("Assert.Equal() Failure: Values differ"),
            "A load from a device that extends the sign fills the rest of the register with zero.",
            "The kernel extends the value, and then cuts it to the bytes of the access."),
        new(
            "fetch-without-memory",
            Host,
            new DivergentOutcome.Exit(VcpuExitKind.MmioWrite),
            "A jump to where no memory is raises the guest's exception, and is no exit.",
            ExceptionInstead),
        new(
            "tables-without-memory",
            Host,
            new DivergentOutcome.NoExit(),
            "Translation tables where no memory is raise the guest's exception again and again, and are no exit.",
            ExceptionInstead),
        new(
            "store-from-end-of-ram",
            Host,
            new DivergentOutcome.Value("Assert.Equal() Failure: Collections differ"),
            "An access that begins in RAM and ends in a device goes to the device as a whole, from the first byte that is the device's.",
            HvfDivergences.PlaceOfFault),
    ];
}
