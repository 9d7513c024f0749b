using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.Devices.Virtio;

/// <summary>Where the structures lie in the device's window, and the capabilities that say so (virtio 1.2, 4.1.4).</summary>
internal static class VirtioPciLayout
{
    public const int RegistersBar = 0;
    public const int MessagesBar = 1;
    public const ulong WindowSize = 0x4000;
    public const uint Common = 0x0000;
    public const uint Isr = 0x1000;
    public const uint Device = 0x2000;
    public const uint Notify = 0x3000;

    /// <summary>Bytes of a capability's body behind ID and pointer: struct virtio_pci_cap.</summary>
    public const int BodyLength = 14;

    private const byte VendorSpecificId = 0x09; // PCI 3.0, appendix H
    private const byte CommonType = 1; // VIRTIO_PCI_CAP_COMMON_CFG
    private const byte NotifyType = 2; // VIRTIO_PCI_CAP_NOTIFY_CFG
    private const byte IsrType = 3; // VIRTIO_PCI_CAP_ISR_CFG
    private const byte DeviceType = 4; // VIRTIO_PCI_CAP_DEVICE_CFG
    private const byte AccessType = 5; // VIRTIO_PCI_CAP_PCI_CFG
    private const int HeaderLength = 2;

    public static void AddCapabilities(IPciSlot slot, int configurationLength, IBusDevice window)
    {
        Add(slot, CommonType, Common, VirtioPciRegister.Length, extra: 0);
        Add(slot, IsrType, Isr, 1, extra: 0);
        if (configurationLength > 0)
        {
            Add(slot, DeviceType, Device, (uint)configurationLength, extra: 0);
        }

        // A multiplier of 0: all queues are notified at the same place (virtio 1.2, 4.1.4.4).
        Add(slot, NotifyType, Notify, sizeof(uint), extra: sizeof(uint));
        slot.AddCapability(VendorSpecificId, VirtioPciAccess.Length, new VirtioPciAccess(window, AccessType));
    }

    private static void Add(IPciSlot slot, byte type, uint offset, uint length, int extra)
    {
        Span<byte> body = stackalloc byte[BodyLength + sizeof(uint)];
        body.Clear();
        WriteBody(body, BodyLength + extra + HeaderLength, type, RegistersBar, offset, length);
        slot.AddCapability(VendorSpecificId, body[..(BodyLength + extra)]);
    }

    /// <summary>struct virtio_pci_cap from cap_len on.</summary>
    public static void WriteBody(Span<byte> body, int length, byte type, byte bar, uint offset, uint size)
    {
        body[0] = (byte)length;
        body[1] = type;
        body[2] = bar;
        BinaryPrimitives.WriteUInt32LittleEndian(body[6..], offset);
        BinaryPrimitives.WriteUInt32LittleEndian(body[10..], size);
    }
}
