using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests;

/// <summary>The kinds of queues that tests run over.</summary>
public static class Rings
{
    /// <summary>Feature bits: split or packed, with and without event index, in order.</summary>
    public static TheoryData<ulong> All =>
    [
        VirtioDriverFeatures.IndirectDescriptors,
        VirtioDriverFeatures.IndirectDescriptors | VirtioDriverFeatures.EventIndex,
        VirtioDriverFeatures.IndirectDescriptors | VirtioDriverFeatures.InOrder,
        VirtioDriverFeatures.IndirectDescriptors | VirtioDriverFeatures.PackedRing,
        VirtioDriverFeatures.IndirectDescriptors | VirtioDriverFeatures.PackedRing | VirtioDriverFeatures.EventIndex,
        VirtioDriverFeatures.IndirectDescriptors | VirtioDriverFeatures.PackedRing | VirtioDriverFeatures.InOrder,
    ];
}
