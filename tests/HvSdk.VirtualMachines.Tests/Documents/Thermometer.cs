using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.VirtualMachines.Tests.Documents;

// docs/devices.md shows what stands between the marks; DevicesDocumentTests compares.
// >>>
/// <summary>The guest reads degrees at offset 0 and writes a limit at offset 4. The line is asserted while it is hotter.</summary>
public sealed class Thermometer : IPlatformDevice, IBusDevice
{
    private readonly Lock _gate = new();
    private IInterruptLine? _line;
    private int _degrees;
    private int _limit = int.MaxValue;

    public ulong Address { get; private set; }

    public void Attach(IDeviceSlot slot)
    {
        Address = slot.MapMmio(8, this);                        // anywhere below 4 GiB
        _line = slot.ConnectLine(InterruptSense.Level, out _);  // any free line
        slot.Acpi = new AcpiIdentity { HardwareId = "ACME0042" };
        slot.DeviceTree = new DeviceTreeIdentity { Compatible = ["acme,thermometer"], NodeName = "thermometer" };
    }

    public void SetDegrees(int degrees)
    {
        lock (_gate)
        {
            _degrees = degrees;
            _line!.Set(_degrees > _limit);
        }
    }

    public void Read(ulong offset, Span<byte> data)
    {
        if (offset == 0 && data.Length == sizeof(int))
        {
            BinaryPrimitives.WriteInt32LittleEndian(data, Volatile.Read(ref _degrees));
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset == 4 && data.Length == sizeof(int))
        {
            lock (_gate)
            {
                _limit = BinaryPrimitives.ReadInt32LittleEndian(data);
                _line!.Set(_degrees > _limit);
            }
        }
    }
}
// <<<
