using System.Buffers.Binary;
using System.Text;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>A fw_cfg with 1 MiB of guest memory, and the guest's side of its interface.</summary>
internal sealed class FirmwareBench : IDisposable
{
    internal const ulong MemorySize = 1 << 20;
    internal const ulong Descriptor = 0x1000;

    private readonly DeviceBench _bench = new();
    private readonly Hypervisor _hypervisor = Hypervisor.Open(new ScriptedBackend());
    private readonly Partition _partition;

    internal FirmwareBench(FirmwareConfiguration device)
    {
        _partition = _hypervisor.CreatePartition();
        _partition.Memory.Map(0, MemorySize);
        _bench.Attach(device);
        _bench.Connect(_partition);
    }

    internal DeviceBench Bench => _bench;

    internal GuestMemory Memory => _partition.Memory;

    internal void Select(int key) => _bench.WritePort(0x510, (ulong)key, 2);

    internal byte[] ReadData(int count)
    {
        byte[] data = new byte[count];
        for (int i = 0; i < count; i++)
        {
            data[i] = (byte)_bench.ReadPort(0x511);
        }

        return data;
    }

    internal byte[] ReadItem(int key, int count)
    {
        Select(key);
        return ReadData(count);
    }

    /// <summary>The directory, as the guest reads it.</summary>
    internal IReadOnlyList<(string Name, int Key, int Size)> ReadDirectory()
    {
        uint count = BinaryPrimitives.ReadUInt32BigEndian(ReadItem(FirmwareConfigurationKey.FileDirectory, 4));
        var entries = new List<(string Name, int Key, int Size)>();
        for (int i = 0; i < count; i++)
        {
            byte[] entry = ReadData(64);
            entries.Add((
                Encoding.ASCII.GetString(entry.AsSpan(8)).TrimEnd('\0'),
                BinaryPrimitives.ReadUInt16BigEndian(entry.AsSpan(4)),
                (int)BinaryPrimitives.ReadUInt32BigEndian(entry)));
        }

        return entries;
    }

    /// <summary>A transfer; the control field after it.</summary>
    internal uint Dma(uint control, uint length, ulong address, ulong descriptor = Descriptor)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, control);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], length);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], address);
        Memory.TryWrite(descriptor, bytes);
        _bench.WritePort(0x514, BinaryPrimitives.ReverseEndianness((uint)(descriptor >> 32)), 4);
        _bench.WritePort(0x518, BinaryPrimitives.ReverseEndianness((uint)descriptor), 4);
        Memory.TryRead(descriptor, bytes);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    internal byte[] Ram(ulong address, int count)
    {
        byte[] data = new byte[count];
        Memory.Read(address, data);
        return data;
    }

    public void Dispose()
    {
        _partition.Dispose();
        _hypervisor.Dispose();
    }
}
