using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>A virtio device on a bench: guest memory, and a driver that a test plays. No hypervisor is needed.</summary>
public sealed class VirtioBench : IDisposable
{
    private const ulong ArenaStart = 0x10_0000;

    private readonly Hypervisor _hypervisor;

    /// <summary>Puts a device that has the MMIO transport on a bench.</summary>
    /// <param name="device">The transport with the device behind it.</param>
    /// <param name="memorySize">Bytes of guest memory from GPA 0 on, a multiple of the page size; at least 2 MiB.</param>
    public VirtioBench(IPlatformDevice device, ulong memorySize = 16 << 20)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(memorySize, 2UL << 20);
        _hypervisor = Hypervisor.Open(new ScriptedBackend());
        Partition = _hypervisor.CreatePartition();
        Partition.Memory.Map(0, memorySize);
        Arena = new GuestArena(Partition.Memory, ArenaStart, memorySize - ArenaStart);
        Slot.Attach(device);
        Slot.Connect(Partition);
        DeviceWindow window = Slot.Description.Windows[0];
        Driver = new VirtioMmioDriver(Slot, window.Address, Arena);
    }

    /// <summary>The device's place.</summary>
    public DeviceBench Slot { get; } = new();

    /// <summary>The machine.</summary>
    public Partition Partition { get; }

    /// <summary>Its memory.</summary>
    public GuestMemory Memory => Partition.Memory;

    /// <summary>Where the driver's queues and buffers go.</summary>
    public GuestArena Arena { get; }

    /// <summary>The driver.</summary>
    public VirtioMmioDriver Driver { get; }

    /// <summary>Ends the machine, and with it the device's worker.</summary>
    public void Dispose()
    {
        Slot.End();
        Partition.Dispose();
        _hypervisor.Dispose();
    }
}
