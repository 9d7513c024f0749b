namespace HvSdk.Devices.Virtio;

/// <summary>State of a <see cref="VirtioPci"/> with the device behind it, as plain data. The configuration space and the table of MSI-X are the bus's to save.</summary>
public sealed record VirtioPciState
{
    /// <summary>The device.</summary>
    public required VirtioState Device { get; init; }

    /// <summary>The ISR status: 1 for used buffers, 2 for a configuration change (virtio 1.2, 4.1.4.5).</summary>
    public byte Isr { get; init; }

    /// <summary>The MSI-X vector of configuration changes; 0xFFFF: none.</summary>
    public ushort ConfigurationVector { get; init; }

    /// <summary>The MSI-X vector of each queue; 0xFFFF: none.</summary>
    public required IReadOnlyList<ushort> QueueVectors { get; init; }

    /// <summary>Which half of the device's features is shown.</summary>
    public uint DeviceFeatureSelect { get; init; }

    /// <summary>Which half of the driver's features is shown and written.</summary>
    public uint DriverFeatureSelect { get; init; }

    /// <summary>Which queue the registers of queues are about.</summary>
    public ushort QueueSelect { get; init; }
}
