using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>An arm64 machine as its device tree describes it to the guest.</summary>
public sealed record Arm64Platform
{
    /// <summary>The affinities of the processors, as MPIDR_EL1 holds them, the first processor's first (<see cref="Arm64Vcpu.GetAffinity"/>).</summary>
    public required IReadOnlyList<ulong> Affinities { get; init; }

    /// <summary>Where the GICv3 lies.</summary>
    public required Arm64GicLayout Gic { get; init; }

    /// <summary>The memory map: what is usable, and what of the RAM is not.</summary>
    public required IReadOnlyList<MemoryMapEntry> Memory { get; init; }

    /// <summary>The devices; those with a device tree identity get a node. The first "serial" is the console that the firmware and the kernel print to.</summary>
    public IReadOnlyList<DeviceDescription> Devices { get; init; } = [];
}
