namespace HvSdk.VirtualMachines;

/// <summary>What a machine has done so far.</summary>
public sealed record MachineStatistics
{
    /// <summary>From the call of <see cref="VirtualMachine.StartAsync"/> to the first instruction of the guest; zero before.</summary>
    public required TimeSpan StartDuration { get; init; }

    /// <summary>From the first instruction to now, or to the end.</summary>
    public required TimeSpan RunDuration { get; init; }

    /// <summary>Each processor's own, by index; none before the machine runs.</summary>
    public required IReadOnlyList<VcpuStatistics> Processors { get; init; }

    /// <summary>
    /// How often each port and each page of device memory was accessed, most often first; empty unless the builder was told to count
    /// (<see cref="VirtualMachineBuilder.CountAccesses"/>).
    /// </summary>
    public required IReadOnlyList<AccessCount> Accesses { get; init; }

    /// <summary>Exits of all processors.</summary>
    public long Exits => Processors.Sum(static processor => processor.Exits);

    /// <summary>Exits of one kind, of all processors.</summary>
    /// <param name="kind">The kind.</param>
    public long ExitsOf(VcpuExitKind kind) => Processors.Sum(processor => processor.ExitsOf(kind));
}

/// <summary>How often a place was accessed.</summary>
/// <param name="Space">Which bus.</param>
/// <param name="Address">The port, or the first GPA of the page.</param>
/// <param name="Count">Accesses.</param>
public readonly record struct AccessCount(BusSpace Space, ulong Address, long Count);
