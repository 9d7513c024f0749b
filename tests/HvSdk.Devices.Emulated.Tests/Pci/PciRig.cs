using System.Buffers.Binary;
using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Pci;

/// <summary>A host bridge on a bench with a partition's buses: the test plays the guest, by ECAM, by ports and in the windows.</summary>
internal sealed class PciRig : IDisposable
{
    public const int Command = 0x04;
    public const int Bar0 = 0x10;
    public const int CapabilitiesPointer = 0x34;
    public const ulong MemorySpace = 1 << 1;
    public const ulong BusMaster = 1 << 2;
    public const ulong InterruptDisable = 1 << 10;

    private readonly Hypervisor _hypervisor;

    public PciRig(params ReadOnlySpan<Action<IPciSlot>> devices)
        : this(new PciHostBridge(), devices)
    {
    }

    public PciRig(PciHostBridge bridge, params ReadOnlySpan<Action<IPciSlot>> devices)
    {
        _hypervisor = Hypervisor.Open(Backend);
        Bridge = bridge;
        foreach (Action<IPciSlot> device in devices)
        {
            bridge.Add(new RequestingDevice(device));
        }

        Bench.Attach(bridge);
        Partition = _hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
        Partition.Memory.Map(0, 1 << 20);
        Bench.Connect(Partition);
    }

    public ScriptedBackend Backend { get; } = new();

    public DeviceBench Bench { get; } = new();

    public PciHostBridge Bridge { get; }

    public Partition Partition { get; }

    public IReadOnlyList<MsiMessage> Messages => Backend.Partition.Messages;

    /// <summary>What all devices here say that they are.</summary>
    public static PciIdentity Identity { get; } = new()
    {
        VendorId = 0x1234,
        DeviceId = 0x5678,
        ClassCode = 0xFF_01_02,
        Revision = 9,
        SubsystemVendorId = 0x4321,
        SubsystemId = 0x8765,
    };

    public ulong Read(int device, int offset, int size = 4) => Bench.ReadMmio(Place(device, offset), size);

    public void Write(int device, int offset, ulong value, int size = 4) => Bench.WriteMmio(Place(device, offset), value, size);

    /// <summary>Reads by the ports: the register's four bytes are named by the address, the port says which of them.</summary>
    public ulong ReadPort(int device, int offset, int size = 4)
    {
        Bench.WritePort(0xCF8, 0x8000_0000u | ((uint)device << 11) | ((uint)offset & 0xFC), 4);
        return Bench.ReadPort((ushort)(0xCFC + (offset & 3)), size);
    }

    public void WritePort(int device, int offset, ulong value, int size = 4)
    {
        Bench.WritePort(0xCF8, 0x8000_0000u | ((uint)device << 11) | ((uint)offset & 0xFC), 4);
        Bench.WritePort((ushort)(0xCFC + (offset & 3)), value, size);
    }

    /// <summary>Reads from a window that answers; null where none does.</summary>
    public ulong? ReadMemory(ulong address, int size = 4)
    {
        if (Partition.Mmio.Find(address) is not { } window)
        {
            return null;
        }

        Span<byte> data = stackalloc byte[sizeof(ulong)];
        data.Clear();
        window.Device.Read(address - window.Address, data[..size]);
        return BinaryPrimitives.ReadUInt64LittleEndian(data);
    }

    public void WriteMemory(ulong address, ulong value, int size = 4)
    {
        BusWindow window = Partition.Mmio.Find(address) ?? throw new InvalidOperationException($"Nothing answers at 0x{address:X}.");
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        window.Device.Write(address - window.Address, data[..size]);
    }

    public void Dispose()
    {
        Bench.End();
        Partition.Dispose();
        _hypervisor.Dispose();
    }

    private ulong Place(int device, int offset) => Bridge.EcamAddress + ((ulong)device << 15) + (ulong)offset;

    private sealed class RequestingDevice(Action<IPciSlot> request) : IPciDevice
    {
        public void Attach(IPciSlot slot)
        {
            slot.Identify(Identity);
            request(slot);
        }
    }
}

/// <summary>Registers that are memory.</summary>
internal sealed class MemoryRegisters(int size) : IBusDevice
{
    public byte[] Bytes { get; } = new byte[size];

    public void Read(ulong offset, Span<byte> data) => Bytes.AsSpan((int)offset, data.Length).CopyTo(data);

    public void Write(ulong offset, ReadOnlySpan<byte> data) => data.CopyTo(Bytes.AsSpan((int)offset));
}
