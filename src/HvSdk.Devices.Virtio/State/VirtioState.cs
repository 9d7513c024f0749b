namespace HvSdk.Devices.Virtio;

/// <summary>What a virtio device has on every transport: status, features, queues, and what its kind keeps beside them. Plain data.</summary>
/// <remarks>
/// Part of a <see cref="VirtioMmioState"/> or a <see cref="VirtioPciState"/>. Fields that come from a guest are its own affair; what a device could not have written is refused
/// when the state is loaded.
/// </remarks>
public sealed record VirtioState
{
    /// <summary>The version of this record that is written and read.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The version that it was written in.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>What the device is (virtio 1.2, 5).</summary>
    public required uint DeviceId { get; init; }

    /// <summary>The device status field (virtio 1.2, 2.1).</summary>
    public byte Status { get; init; }

    /// <summary>The features that the driver has written; they count from FEATURES_OK on.</summary>
    public ulong DriverFeatures { get; init; }

    /// <summary>How often the configuration space has changed (virtio 1.2, 2.5).</summary>
    public uint ConfigurationGeneration { get; init; }

    /// <summary>Why the device asks to be reset, or null: it does not.</summary>
    public string? Fault { get; init; }

    /// <summary>The queues, by number.</summary>
    public required IReadOnlyList<VirtqueueState> Queues { get; init; }

    /// <summary>What the device's kind keeps, or null: nothing.</summary>
    public VirtioDeviceState? Device { get; init; }
}
