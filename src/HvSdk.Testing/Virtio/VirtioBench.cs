using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>A virtio device on a bench: guest memory, and a driver that a test plays. No hypervisor is needed.</summary>
public sealed class VirtioBench : IDisposable
{
    private readonly VirtioBenchMachine _machine;

    /// <summary>Puts a device that has the MMIO transport on a bench.</summary>
    /// <param name="device">The transport with the device behind it.</param>
    /// <param name="memorySize">Bytes of guest memory from GPA 0 on, a multiple of the page size; at least 2 MiB.</param>
    public VirtioBench(IPlatformDevice device, ulong memorySize = 16 << 20)
    {
        ArgumentNullException.ThrowIfNull(device);
        _machine = new VirtioBenchMachine(memorySize);
        Attach(device);
        Driver = new VirtioMmioDriver(Slot, Slot.Description.Windows[0].Address, Arena);
    }

    /// <summary>The device's place.</summary>
    public DeviceBench Slot { get; private set; } = new();

    /// <summary>The machine.</summary>
    public Partition Partition => _machine.Partition;

    /// <summary>Its memory.</summary>
    public GuestMemory Memory => Partition.Memory;

    /// <summary>Where the driver's queues and buffers go.</summary>
    public GuestArena Arena => _machine.Arena;

    /// <summary>The driver.</summary>
    public VirtioMmioDriver Driver { get; }

    /// <summary>Ends the device, and puts another in its place, to load the state of the first into: memory and driver stay as they are. The other has a <see cref="Slot"/> of its own.</summary>
    /// <param name="device">The transport with the device behind it.</param>
    public void Replace(IPlatformDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        Slot.End();
        Slot = new DeviceBench();
        Attach(device);
        Driver.Move(Slot);
    }

    /// <summary>Ends the machine, and with it the device's worker.</summary>
    public void Dispose()
    {
        Slot.End();
        _machine.Dispose();
    }

    private void Attach(IPlatformDevice device)
    {
        Slot.Attach(device);
        Slot.Connect(Partition);
    }
}
