using HvSdk.Devices;

namespace HvSdk.VirtualMachines.Tests;

/// <summary>A device with a defect: it throws when the guest writes to it.</summary>
internal sealed class BrokenDevice : IPlatformDevice, IBusDevice
{
    public void Attach(IDeviceSlot slot) => slot.MapPorts(0x300, 1, this);

    public void Read(ulong offset, Span<byte> data)
    {
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException("defect");
}
