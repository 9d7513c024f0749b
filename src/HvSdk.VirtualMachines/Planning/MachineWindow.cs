using HvSdk.Devices;

namespace HvSdk.VirtualMachines;

/// <summary>A window that somebody in the machine holds.</summary>
/// <param name="Owner">Who, for people.</param>
/// <param name="Window">Where.</param>
/// <param name="Device">What answers; null: the host.</param>
internal sealed record MachineWindow(string Owner, DeviceWindow Window, IBusDevice? Device)
{
    public bool Overlaps(MachineWindow other) =>
        Window.Space == other.Window.Space && Window.Address <= other.Last && other.Window.Address <= Last;

    public ulong Last => Window.Address + (Window.Size - 1);

    public override string ToString() => Window.Space == BusSpace.Ports
        ? $"ports 0x{Window.Address:X} to 0x{Last:X}"
        : $"the GPAs 0x{Window.Address:X} to 0x{Last:X}";
}
