namespace HvSdk;

/// <summary>State of the distributor of a GICv3 that the host keeps, as plain data. Redistributors and CPU interfaces are state of their vCPUs.</summary>
/// <remarks>Made by <see cref="Partition.SaveState"/>.</remarks>
public sealed record Arm64GicState
{
    /// <summary>Registers of the distributor (GICv3 architecture, 12.8), in the order in which they are to be written.</summary>
    public required Arm64GicRegisterValue[] Distributor { get; init; }

    /// <summary>
    /// Levels of the shared lines, 32 to a word from INTID 32 on, or null where the host shows no level apart from what is pending: GICD_ISPENDR then holds both (GICv3
    /// architecture, 4.5).
    /// </summary>
    public uint[]? LineLevels { get; init; }
}

/// <summary>A memory-mapped register of a GIC and its value.</summary>
/// <param name="Offset">Bytes from the start of the distributor or redistributor.</param>
/// <param name="Value">The value; 32-bit registers have zeroes above.</param>
public readonly record struct Arm64GicRegisterValue(uint Offset, ulong Value);
