using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>A virtio device of the PCI transport on a bench: guest memory, and a driver that a test plays. No hypervisor is needed.</summary>
public sealed class VirtioPciBench : IDisposable
{
    private const ulong ArenaStart = 0x10_0000;
    private const ulong WindowAddress = 0xE000_0000;
    private const int RegisterCount = 6;

    private readonly Hypervisor _hypervisor;

    /// <summary>Puts a device that has the PCI transport on a bench, its windows mapped.</summary>
    /// <param name="device">The transport with the device behind it.</param>
    /// <param name="memorySize">Bytes of guest memory from GPA 0 on, a multiple of the page size; at least 2 MiB.</param>
    public VirtioPciBench(IPciDevice device, ulong memorySize = 16 << 20)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(memorySize, 2UL << 20);
        _hypervisor = Hypervisor.Open(new ScriptedBackend());
        Partition = _hypervisor.CreatePartition();
        Partition.Memory.Map(0, memorySize);
        Arena = new GuestArena(Partition.Memory, ArenaStart, memorySize - ArenaStart);
        Slot.Attach(device);
        Slot.Connect(Partition);
        for (int i = 0; i < RegisterCount; i++)
        {
            Slot.MoveBar(i, WindowAddress + ((ulong)i << 20));
        }

        Driver = new VirtioPciDriver(Slot, Arena);
    }

    /// <summary>The device's place.</summary>
    public PciBench Slot { get; } = new();

    /// <summary>The machine.</summary>
    public Partition Partition { get; }

    /// <summary>Its memory.</summary>
    public GuestMemory Memory => Partition.Memory;

    /// <summary>Where the driver's queues and buffers go.</summary>
    public GuestArena Arena { get; }

    /// <summary>The driver.</summary>
    public VirtioPciDriver Driver { get; }

    /// <summary>Ends the machine, and with it the device's worker.</summary>
    public void Dispose()
    {
        Slot.End();
        Partition.Dispose();
        _hypervisor.Dispose();
    }
}
