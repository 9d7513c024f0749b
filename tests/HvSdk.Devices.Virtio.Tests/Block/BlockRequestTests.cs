using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>Requests of a block device (virtio 1.2, 5.2.6).</summary>
public sealed class BlockRequestTests
{
    private const int Capacity = 1 << 20;
    private const ulong LastSector = (Capacity / 512) - 1;

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Write_ReadBack_IsTheSame(ulong features)
    {
        var storage = new MemoryStorage(Capacity);
        using var bench = new BlockBench(storage);
        bench.Start(features | BlockBench.FeatureFlush);
        byte[] data = BlockBench.Pattern(8 * 512);

        Assert.Equal(BlockBench.Ok, bench.Write(3, data));
        Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.Flush, 0));

        (byte status, byte[] read) = bench.Read(3, data.Length);
        Assert.Equal(BlockBench.Ok, status);
        Assert.Equal(data, read);
        byte[] stored = new byte[data.Length];
        storage.Read(3 * 512, stored);
        Assert.Equal(data, stored);
        BlockStatistics statistics = bench.Device.Statistics;
        Assert.Equal((1, 1, 1, data.Length, data.Length), (statistics.Reads, statistics.Writes, statistics.Flushes, statistics.BytesRead, statistics.BytesWritten));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(511)]
    [InlineData(513)]
    public void Data_SplitOverOddBuffers_IsOnePiece(int size)
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity));
        byte[] data = BlockBench.Pattern(1024);
        DriverBuffer status = bench.Bench.Writable(1);
        byte[][] pieces = [.. data.Chunk(size)];
        bench.Queue.AddIndirect([bench.Bench.Readable(BlockBench.Header(BlockBench.Out, 1)), .. pieces.Take(1000).Select(piece => bench.Bench.Readable(piece)),
            .. pieces.Skip(1000).Take(1).Select(_ => bench.Bench.Readable([.. pieces.Skip(1000).SelectMany(static piece => piece)])), status]);
        bench.WorkUntilUsed();
        Assert.Equal(BlockBench.Ok, bench.Status(status.Address));

        DriverBuffer[] rooms = [.. pieces.Take(1000).Select(piece => bench.Bench.Writable((uint)piece.Length)), .. pieces.Length > 1000 ? [bench.Bench.Writable((uint)(pieces.Length - 1000))] : Array.Empty<DriverBuffer>()];
        bench.Queue.AddIndirect([bench.Bench.Readable(BlockBench.Header(BlockBench.In, 1)), .. rooms, status]);
        bench.WorkUntilUsed();

        Assert.Equal(BlockBench.Ok, bench.Status(status.Address));
        Assert.Equal(data, rooms.SelectMany(room => Bytes(bench, room)));
    }

    [Fact]
    public void Header_SplitOverBuffers_IsRead()
    {
        using var bench = new BlockBench(new MemoryStorage(BlockBench.Pattern(Capacity)));
        byte[] header = BlockBench.Header(BlockBench.In, 2);
        DriverBuffer data = bench.Bench.Writable(512);
        DriverBuffer status = bench.Bench.Writable(1);
        bench.Queue.Add(bench.Bench.Readable(header.AsSpan(..1)), bench.Bench.Readable(), bench.Bench.Readable(header.AsSpan(1..11)), bench.Bench.Readable(header.AsSpan(11..)), data, status);

        Assert.Equal(513U, bench.WorkUntilUsed().Written);

        Assert.Equal(BlockBench.Ok, bench.Status(status.Address));
        Assert.Equal(BlockBench.Pattern(Capacity)[1024..1536], Bytes(bench, data));
    }

    [Fact]
    public void Status_InTheDatasBuffer_IsItsLastByte()
    {
        using var bench = new BlockBench(new MemoryStorage(BlockBench.Pattern(Capacity)));
        DriverBuffer buffer = bench.Bench.Writable(513);
        bench.Queue.Add(bench.Bench.Readable(BlockBench.Header(BlockBench.In, 0)), buffer);

        bench.WorkUntilUsed();

        Assert.Equal([.. BlockBench.Pattern(Capacity)[..512], BlockBench.Ok], Bytes(bench, buffer));
    }

    [Fact]
    public void Header_CutAtEachLength_IsAnError()
    {
        using var bench = new BlockBench(new RecordingStorage(Capacity));
        for (int length = 0; length < 16; length++)
        {
            DriverBuffer status = bench.Bench.Writable(1);
            bench.Bench.Memory.Write(status.Address, BlockBench.NoStatus);
            DriverBuffer[] readable = length == 0 ? [] : [bench.Bench.Readable(BlockBench.Header(BlockBench.Flush, 0).AsSpan(..length))];
            bench.Queue.Add([.. readable, status]);

            Assert.Equal(1U, bench.WorkUntilUsed().Written);
            Assert.Equal(BlockBench.IoError, bench.Status(status.Address));
        }

        Assert.Equal(16, bench.Device.Statistics.Errors);
        Assert.False(bench.Bench.Driver.NeedsReset);
    }

    [Fact]
    public void Status_WithoutRoom_ComesBackEmptyAndDoesNothing()
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage);
        bench.Queue.Add(bench.Bench.Readable([.. BlockBench.Header(BlockBench.Out, 0), .. new byte[512]]));

        Assert.Equal(0U, bench.WorkUntilUsed().Written);

        Assert.Empty(storage.Calls);
        Assert.False(bench.Bench.Driver.NeedsReset);
    }

    [Theory]
    [InlineData(LastSector, 512, BlockBench.Ok)]
    [InlineData(LastSector + 1, 0, BlockBench.Ok)]
    [InlineData(0UL, 0, BlockBench.Ok)]
    [InlineData(LastSector, 1024, BlockBench.IoError)]
    [InlineData(LastSector + 1, 512, BlockBench.IoError)]
    [InlineData(LastSector + 2, 0, BlockBench.IoError)]
    [InlineData(ulong.MaxValue, 512, BlockBench.IoError)]
    [InlineData(ulong.MaxValue / 512, 512, BlockBench.IoError)]
    [InlineData((ulong.MaxValue / 512) + 1, 512, BlockBench.IoError)]
    [InlineData(1UL << 63, 512, BlockBench.IoError)]
    [InlineData(0UL, 1, BlockBench.IoError)]
    [InlineData(0UL, 511, BlockBench.IoError)]
    [InlineData(0UL, 513, BlockBench.IoError)]
    public void Range_OfReadOrWrite_IsWholeSectorsOfTheDisk(ulong sector, int length, byte expected)
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage);

        Assert.Equal(expected, bench.Write(sector, new byte[length]));
        Assert.Equal(expected, bench.Request(BlockBench.In, sector, room: length));

        Assert.Equal(expected == BlockBench.Ok && length > 0 ? 2 : 0, storage.Calls.Count);
    }

    [Theory]
    [InlineData(BlockBench.Out)]
    [InlineData(BlockBench.Discard)]
    [InlineData(BlockBench.WriteZeroes)]
    public void Write_ToReadOnly_IsAnError(uint type)
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage, new BlockDeviceOptions { IsReadOnly = true });

        Assert.Equal(BlockBench.IoError, bench.Request(type, 0, type == BlockBench.Out ? new byte[512] : BlockBench.Range(0, 1)));

        Assert.Empty(storage.Calls);
        Assert.Equal(BlockBench.Ok, bench.Read(0, 512).Status);
        Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.Flush, 0));
    }

    [Theory]
    [InlineData(2U)]
    [InlineData(3U)]
    [InlineData(5U)]
    [InlineData(10U)] // VIRTIO_BLK_T_GET_LIFETIME, not offered
    [InlineData(14U)] // VIRTIO_BLK_T_SECURE_ERASE, not offered
    [InlineData(uint.MaxValue)]
    public void Request_OfUnknownType_IsUnsupported(uint type)
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage);

        Assert.Equal(BlockBench.Unsupported, bench.Request(type, 0, new byte[512], room: 512));

        Assert.Equal(1, bench.Device.Statistics.Unsupported);
        Assert.Empty(storage.Calls);
    }

    [Theory]
    [InlineData("", 20)]
    [InlineData("disk-1", 20)]
    [InlineData("12345678901234567890", 20)]
    [InlineData("12345678901234567890", 5)]
    [InlineData("disk-1", 100)]
    public void Id_Asked_IsTheOptions(string id, int room)
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity), new BlockDeviceOptions { Id = id });
        DriverBuffer data = bench.Bench.Writable((uint)room);
        bench.Bench.Memory.Write(data.Address, new byte[room]);
        DriverBuffer status = bench.Bench.Writable(1);
        bench.Queue.Add(bench.Bench.Readable(BlockBench.Header(BlockBench.GetId, 0)), data, status);

        bench.WorkUntilUsed();

        Assert.Equal(BlockBench.Ok, bench.Status(status.Address));
        Assert.Equal(id[..int.Min(id.Length, room)].PadRight(room, '\0'), System.Text.Encoding.ASCII.GetString(Bytes(bench, data)));
    }

    [Fact]
    public void Request_OfGreatLength_IsDoneInSteps()
    {
        const int Large = 8 << 20;
        var storage = new RecordingStorage(4 * Large);
        using var bench = new BlockBench(storage);
        var data = new DriverBuffer(0x20_0000, Large, IsWritable: true);
        DriverBuffer status = bench.Bench.Writable(1);
        bench.Queue.Add(bench.Bench.Readable(BlockBench.Header(BlockBench.In, 0)), data, data, data, data, status);

        bench.Bench.RunOnce();
        Assert.InRange(storage.Calls.Count, 1, 8);
        Assert.False(bench.Queue.TryTakeUsed(out _));
        bench.WorkUntilUsed();

        Assert.Equal(BlockBench.Ok, bench.Status(status.Address));
        Assert.Equal(4 * Large, bench.Device.Statistics.BytesRead);
    }

    [Fact]
    public void Reset_WithinARequest_ForgetsIt()
    {
        using var bench = new BlockBench(new MemoryStorage(8 << 20));
        bench.Queue.Add(bench.Bench.Readable(BlockBench.Header(BlockBench.In, 0)), new DriverBuffer(0x20_0000, 8 << 20, IsWritable: true), bench.Bench.Writable(1));
        bench.Bench.RunOnce();
        Assert.False(bench.Queue.TryTakeUsed(out _));

        bench.Start(0);

        Assert.Equal(BlockBench.Ok, bench.Read(0, 512).Status);
        bench.Queue.Add(bench.Bench.Readable(BlockBench.Header(BlockBench.In, 0)), new DriverBuffer(0x20_0000, 8 << 20, IsWritable: true), bench.Bench.Writable(1));
        bench.Bench.RunOnce();
        bench.Bench.Driver.ResetQueue(0);
        bench.Bench.Driver.SetUpQueue(0);
        Assert.Equal(BlockBench.Ok, bench.Read(0, 512).Status);
        Assert.False(bench.Bench.Driver.NeedsReset);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Requests_InSteadyState_AllocateNothing(ulong features)
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity), new BlockDeviceOptions { Operations = new RateLimit(1_000_000_000), Bytes = new RateLimit(1L << 50) });
        bench.Start(features | BlockBench.FeatureFlush);
        DriverBuffer read = bench.Bench.Readable(BlockBench.Header(BlockBench.In, 0));
        DriverBuffer write = bench.Bench.Readable([.. BlockBench.Header(BlockBench.Out, 0), .. new byte[512]]);
        DriverBuffer flush = bench.Bench.Readable(BlockBench.Header(BlockBench.Flush, 0));
        DriverBuffer data = bench.Bench.Writable(512);
        DriverBuffer status = bench.Bench.Writable(1);

        // The driver of a split queue keeps a list for each chain.
        int listLength = (features & VirtioDriverFeatures.PackedRing) != 0 ? 0 : 32;
        Assert.Equal(3 * 1000 * listLength, Allocations.Least(() => Round(1000)));

        void Round(int count)
        {
            for (int i = 0; i < count; i++)
            {
                bench.Queue.Add(read, data, status);
                bench.Queue.Add(write, status);
                bench.Queue.Add(flush, status);
                bench.Bench.Work();
                Assert.True(bench.Queue.TryTakeUsed(out _) && bench.Queue.TryTakeUsed(out _) && bench.Queue.TryTakeUsed(out _));
            }
        }
    }

    private static byte[] Bytes(BlockBench bench, DriverBuffer buffer)
    {
        byte[] bytes = new byte[buffer.Length];
        bench.Bench.Memory.Read(buffer.Address, bytes);
        return bytes;
    }
}
