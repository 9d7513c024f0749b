namespace HvSdk.Devices.Virtio;

/// <summary>Registers of the MMIO transport, by their offset (virtio 1.2, 4.2.2).</summary>
internal static class VirtioMmioRegister
{
    public const uint MagicValue = 0x000;
    public const uint Version = 0x004;
    public const uint DeviceId = 0x008;
    public const uint VendorId = 0x00C;
    public const uint DeviceFeatures = 0x010;
    public const uint DeviceFeaturesSelect = 0x014;
    public const uint DriverFeatures = 0x020;
    public const uint DriverFeaturesSelect = 0x024;
    public const uint QueueSelect = 0x030;
    public const uint QueueNumMax = 0x034;
    public const uint QueueNum = 0x038;
    public const uint QueueReady = 0x044;
    public const uint QueueNotify = 0x050;
    public const uint InterruptStatus = 0x060;
    public const uint InterruptAck = 0x064;
    public const uint Status = 0x070;
    public const uint QueueDescLow = 0x080;
    public const uint QueueDescHigh = 0x084;
    public const uint QueueDriverLow = 0x090;
    public const uint QueueDriverHigh = 0x094;
    public const uint QueueDeviceLow = 0x0A0;
    public const uint QueueDeviceHigh = 0x0A4;
    public const uint ShmLenLow = 0x0B0;
    public const uint ShmBaseHigh = 0x0BC;
    public const uint QueueReset = 0x0C0;
    public const uint ConfigGeneration = 0x0FC;
    public const uint Configuration = 0x100;
}
