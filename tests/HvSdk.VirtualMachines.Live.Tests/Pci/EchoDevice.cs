using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.VirtualMachines.Live.Tests.Pci;

/// <summary>A PCI device that keeps a word, by its window's offset 0; a write to offset 4 sends its first message, one to offset 8 sets its pin.</summary>
internal sealed class EchoDevice : IPciDevice, IBusDevice
{
    public const uint Id = 0x5678_1234; // device and vendor, as the first register has them
    public const int KeptOffset = 0;
    public const int MessageOffset = 4;
    public const int PinOffset = 8;

    private IPciMessages? _messages;
    private IInterruptLine? _pin;
    private uint _kept;

    public void Attach(IPciSlot slot)
    {
        slot.Identify(new PciIdentity { VendorId = unchecked((ushort)Id), DeviceId = (ushort)(Id >> 16), ClassCode = 0xFF_00_00 });
        slot.AddBar(0, 0x1000, this);
        _messages = slot.UseMsiX(1, 1);
        _pin = slot.ConnectInterruptPin();
    }

    public void Read(ulong offset, Span<byte> data)
    {
        if (offset == KeptOffset && data.Length == sizeof(uint))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data, Volatile.Read(ref _kept));
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        switch (offset)
        {
            case KeptOffset when data.Length == sizeof(uint):
                Volatile.Write(ref _kept, BinaryPrimitives.ReadUInt32LittleEndian(data));
                break;
            case MessageOffset:
                _messages!.Signal(0);
                break;
            case PinOffset:
                _pin!.Set(data[0] != 0);
                break;
        }
    }
}
