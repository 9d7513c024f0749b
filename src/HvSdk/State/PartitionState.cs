namespace HvSdk;

/// <summary>What the host keeps for a partition beside its vCPUs and its memory, as plain data.</summary>
/// <remarks>Made by <see cref="Partition.SaveState"/>, put back by <see cref="Partition.LoadState"/> into a partition of the same options.</remarks>
public sealed record PartitionState
{
    /// <summary>Interrupt chips of an x86-64 partition, or null where the host keeps none.</summary>
    public X64InterruptControllerState? X64InterruptController { get; init; }

    /// <summary>The distributor of an AArch64 partition's GIC, or null where the host keeps none.</summary>
    public Arm64GicState? Arm64Gic { get; init; }

    /// <summary>The partition's paravirtual clock in nanoseconds, or null where the host has none.</summary>
    public ulong? ClockNanoseconds { get; init; }
}
