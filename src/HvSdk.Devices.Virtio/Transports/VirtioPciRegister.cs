namespace HvSdk.Devices.Virtio;

/// <summary>The common configuration structure of the PCI transport, by offset (virtio 1.2, 4.1.4.3).</summary>
internal static class VirtioPciRegister
{
    public const uint DeviceFeatureSelect = 0x00;
    public const uint DeviceFeature = 0x04;
    public const uint DriverFeatureSelect = 0x08;
    public const uint DriverFeature = 0x0C;
    public const uint ConfigMsixVector = 0x10;
    public const uint NumQueues = 0x12;
    public const uint DeviceStatus = 0x14;
    public const uint ConfigGeneration = 0x15;
    public const uint QueueSelect = 0x16;
    public const uint QueueSize = 0x18;
    public const uint QueueMsixVector = 0x1A;
    public const uint QueueEnable = 0x1C;
    public const uint QueueNotifyOff = 0x1E;
    public const uint QueueDesc = 0x20;
    public const uint QueueDescHigh = 0x24;
    public const uint QueueDriver = 0x28;
    public const uint QueueDriverHigh = 0x2C;
    public const uint QueueDevice = 0x30;
    public const uint QueueDeviceHigh = 0x34;
    public const uint QueueNotifyData = 0x38;
    public const uint QueueReset = 0x3A;

    /// <summary>Bytes of the structure.</summary>
    public const uint Length = 0x3C;
}
