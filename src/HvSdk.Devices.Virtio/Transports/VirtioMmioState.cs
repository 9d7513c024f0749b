namespace HvSdk.Devices.Virtio;

/// <summary>State of a <see cref="VirtioMmio"/> with the device behind it, as plain data.</summary>
public sealed record VirtioMmioState
{
    /// <summary>The device.</summary>
    public required VirtioState Device { get; init; }

    /// <summary>Pending reasons of an interrupt: 1 for used buffers, 2 for a configuration change (virtio 1.2, 4.2.2, InterruptStatus).</summary>
    public uint InterruptStatus { get; init; }

    /// <summary>Which half of the device's features is shown.</summary>
    public uint DeviceFeaturesSelect { get; init; }

    /// <summary>Which half of the driver's features is written.</summary>
    public uint DriverFeaturesSelect { get; init; }

    /// <summary>Which queue the registers of queues are about.</summary>
    public uint QueueSelect { get; init; }
}
