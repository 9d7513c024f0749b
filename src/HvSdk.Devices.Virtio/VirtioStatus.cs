namespace HvSdk.Devices.Virtio;

/// <summary>Bits of the device status field (virtio 1.2, 2.1).</summary>
[Flags]
internal enum VirtioStatus : byte
{
    /// <summary>The device is reset.</summary>
    None = 0,

    /// <summary>ACKNOWLEDGE: the guest has found the device.</summary>
    Acknowledge = 1,

    /// <summary>DRIVER: it has a driver for it.</summary>
    Driver = 2,

    /// <summary>DRIVER_OK: the driver is ready; the device works.</summary>
    DriverOk = 4,

    /// <summary>FEATURES_OK: the features are agreed upon.</summary>
    FeaturesOk = 8,

    /// <summary>DEVICE_NEEDS_RESET: the device cannot go on.</summary>
    NeedsReset = 64,

    /// <summary>FAILED: the driver has given up.</summary>
    Failed = 128,
}
