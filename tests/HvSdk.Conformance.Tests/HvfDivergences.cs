namespace HvSdk.Conformance.Tests;

/// <summary>The lines of <see cref="Divergences.Table"/> about Hypervisor.framework.</summary>
internal static class HvfDivergences
{
    internal const string PlaceOfFault =
        "The processor tells where an access was refused and how long it is, and not where it began; guests on AArch64 access devices aligned.";

    internal static IReadOnlyList<Divergence> Lines { get; } =
    [
        new(
            "store-from-end-of-ram",
            "hvf",
            new DivergentOutcome.Value("Assert.Equal() Failure: Collections differ"),
            "An access that begins in RAM and ends in a device goes to the device as a whole, from the first byte that is the device's.",
            PlaceOfFault),
    ];
}
