namespace HvSdk.Devices.Virtio;

/// <summary>The class codes that guests show for virtio devices (PCI 3.0, appendix D). Drivers go by vendor and device ID.</summary>
internal static class VirtioPciClass
{
    private const uint EthernetController = 0x02_0000;
    private const uint ScsiStorageController = 0x01_0000;
    private const uint OtherCommunicationsController = 0x07_8000;
    private const uint OtherMassStorageController = 0x01_8000;
    private const uint Unassigned = 0xFF_0000;

    /// <summary>The class of a device by its virtio ID (virtio 1.2, 5).</summary>
    public static uint Of(uint deviceId) => deviceId switch
    {
        1 => EthernetController,
        2 => ScsiStorageController,
        3 or 19 => OtherCommunicationsController,
        26 => OtherMassStorageController,
        _ => Unassigned,
    };
}
