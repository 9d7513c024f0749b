using System.Buffers.Binary;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>A block device whose worker is the test, and the requests of a driver.</summary>
internal sealed class BlockBench : IDisposable
{
    public const byte Ok = 0;
    public const byte IoError = 1;
    public const byte Unsupported = 2;
    public const byte NoStatus = 0xEE;

    public const uint In = 0;
    public const uint Out = 1;
    public const uint Flush = 4;
    public const uint GetId = 8;
    public const uint Discard = 11;
    public const uint WriteZeroes = 13;

    public const ulong FeatureFlush = 1 << 9;

    private ulong _mark;

    public BlockBench(IBlockStorage storage, BlockDeviceOptions? options = null, ulong? features = null, ulong without = 0)
    {
        Device = new BlockDevice(storage, options);
        Bench = new Bench(Device);
        Start(features ?? (Bench.Driver.DeviceFeatures & ~(without | VirtioDriverFeatures.PackedRing | VirtioDriverFeatures.InOrder)));
    }

    public BlockDevice Device { get; }

    public Bench Bench { get; }

    public VirtqueueDriver Queue => Bench.Driver.Queues[0];

    public void Start(ulong features)
    {
        Bench.Driver.Start(features);
        _mark = Bench.Arena.Mark;
    }

    public static byte[] Header(uint type, ulong sector)
    {
        byte[] header = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), sector);
        return header;
    }

    public static byte[] Range(ulong sector, uint sectors, uint flags = 0)
    {
        byte[] range = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(range, sector);
        BinaryPrimitives.WriteUInt32LittleEndian(range.AsSpan(8), sectors);
        BinaryPrimitives.WriteUInt32LittleEndian(range.AsSpan(12), flags);
        return range;
    }

    public static byte[] Pattern(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Adds a request of one readable buffer, one for data to read, and one for the status.</summary>
    /// <returns>GPA of the status.</returns>
    public ulong Add(uint type, ulong sector, ReadOnlySpan<byte> data = default, int room = 0, int queue = 0)
    {
        List<DriverBuffer> buffers = [Bench.Readable([.. Header(type, sector), .. data])];
        if (room > 0)
        {
            buffers.Add(Bench.Writable((uint)room));
        }

        DriverBuffer status = Bench.Writable(1);
        Bench.Memory.Write(status.Address, NoStatus);
        Bench.Driver.Queues[queue].Add([.. buffers, status]);
        return status.Address;
    }

    public byte Status(ulong address) => Bench.Memory.Read<byte>(address);

    /// <summary>Works until a buffer comes back.</summary>
    public UsedBuffer WorkUntilUsed(int queue = 0)
    {
        UsedBuffer used;
        for (int looks = 0; !Bench.Driver.Queues[queue].TryTakeUsed(out used); looks++)
        {
            Assert.True(looks < 100_000, "The request never comes back.");
            Bench.Work();
        }

        return used;
    }

    /// <summary>One request.</summary>
    public byte Request(uint type, ulong sector, ReadOnlySpan<byte> data = default, int room = 0)
    {
        ulong status = Add(type, sector, data, room);
        WorkUntilUsed();
        byte value = Status(status);
        Bench.Arena.Clear(_mark);
        return value;
    }

    public byte Write(ulong sector, ReadOnlySpan<byte> data) => Request(Out, sector, data);

    public (byte Status, byte[] Data) Read(ulong sector, int length)
    {
        DriverBuffer data = Bench.Writable((uint)length);
        DriverBuffer status = Bench.Writable(1);
        Queue.Add(Bench.Readable(Header(In, sector)), data, status);
        WorkUntilUsed();
        byte[] bytes = new byte[length];
        Bench.Memory.Read(data.Address, bytes);
        byte value = Status(status.Address);
        Bench.Arena.Clear(_mark);
        return (value, bytes);
    }

    public void ClearArena() => Bench.Arena.Clear(_mark);

    public void Dispose() => Bench.Dispose();
}
