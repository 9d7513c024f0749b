using HvSdk.Devices;

namespace HvSdk.VirtualMachines.Live.Tests.Chips;

/// <summary>A device with a level-triggered line, which the guest raises and lowers by a port.</summary>
internal sealed class LevelLineDevice : IPlatformDevice, IBusDevice
{
    public const ushort Port = 0x300;
    public const int Line = 20;

    private IInterruptLine? _line;

    public void Attach(IDeviceSlot slot)
    {
        slot.MapPorts(Port, 1, this);
        _line = slot.ConnectLine(Line, InterruptSense.Level);
    }

    public void Read(ulong offset, Span<byte> data) => data.Clear();

    public void Write(ulong offset, ReadOnlySpan<byte> data) => _line!.Set(data[0] != 0);
}
