using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>The block device as a whole: options, configuration space, queues, flushes, failures.</summary>
public sealed class BlockDeviceTests
{
    private const int Capacity = 1 << 20;

    [Fact]
    public void Configuration_OfADisk_TellsTheOptions()
    {
        var options = new BlockDeviceOptions { BlockSize = 1024, PhysicalBlockSize = 8192, OptimalIoSize = 65536, QueueCount = 3, QueueSize = 64 };
        using var bench = new BlockBench(new RecordingStorage(Capacity), options);

        Assert.Equal(2U, bench.Device.DeviceId);
        Assert.Equal((1UL << 2) | (1 << 6) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13) | (1 << 14), bench.Device.DeviceFeatures);
        (int Offset, int Size, ulong Value)[] fields =
        [
            (0, 8, Capacity / 512), (4, 4, 0), (8, 4, 0), (12, 4, 62), (16, 4, 0), (20, 4, 1024), (24, 1, 3), (25, 1, 0), (26, 2, 8), (28, 4, 64), (32, 1, 0), (34, 2, 3),
            (36, 4, 1 << 21), (40, 4, 64), (44, 4, 2), (48, 4, 1 << 21), (52, 4, 64), (56, 1, 1), (57, 1, 0), (60, 4, 0),
        ];
        Assert.All(fields, field => Assert.Equal(field.Value, bench.Bench.Driver.ReadConfiguration(field.Offset, field.Size)));
    }

    [Fact]
    public void Features_OfReadOnlyDisk_LeaveWritingOut()
    {
        using var bench = new BlockBench(new MemoryStorage(new byte[512], isReadOnly: true));

        Assert.True(bench.Device.IsReadOnly);
        Assert.Equal((1UL << 2) | (1 << 5) | (1 << 6) | (1 << 9) | (1 << 10), bench.Device.DeviceFeatures);
        Assert.Equal(0UL, bench.Bench.Driver.ReadConfiguration(36, 8) | bench.Bench.Driver.ReadConfiguration(48, 8) | bench.Bench.Driver.ReadConfiguration(56, 1));
    }

    [Fact]
    public void Features_OfStorageThatCannotDiscard_LeaveItOut()
    {
        using var bench = new BlockBench(new RecordingStorage(Capacity) { CanDiscard = false });

        Assert.Equal(1UL << 14, bench.Device.DeviceFeatures & ((1 << 13) | (1 << 14)));
        Assert.Equal(0UL, bench.Bench.Driver.ReadConfiguration(36, 8) | bench.Bench.Driver.ReadConfiguration(56, 1));
    }

    [Fact]
    public void Configuration_Written_StaysAsItIs()
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity));

        bench.Bench.Driver.WriteConfiguration(0, ulong.MaxValue, 8);
        bench.Bench.Driver.WriteConfiguration(32, 0, 1);

        Assert.Equal(Capacity / 512UL, bench.Bench.Driver.ReadConfiguration(0, 8));
    }

    [Fact]
    public void Capacity_Changed_IsToldAndHolds()
    {
        var storage = new MemoryStorage(Capacity);
        using var bench = new BlockBench(storage);
        Assert.Equal(BlockBench.IoError, bench.Write(Capacity / 512, new byte[512]));
        uint generation = bench.Bench.Driver.ReadRegister(0xFC);

        storage.SetLength(2 * Capacity);
        bench.Device.UpdateCapacity();

        Assert.Equal(2U, bench.Bench.Driver.InterruptStatus & 2);
        Assert.NotEqual(generation, bench.Bench.Driver.ReadRegister(0xFC));
        Assert.Equal(2 * Capacity / 512UL, bench.Bench.Driver.ReadConfiguration(0, 8));
        Assert.Equal(2 * Capacity, bench.Device.Capacity);
        Assert.Equal(BlockBench.Ok, bench.Write(Capacity / 512, new byte[512]));
    }

    [Fact]
    public void Storage_ThatShrinks_GivesErrors()
    {
        var storage = new MemoryStorage(Capacity);
        using var bench = new BlockBench(storage);

        storage.SetLength(512);

        Assert.Equal(BlockBench.IoError, bench.Write(1, new byte[512]));
        Assert.Equal(BlockBench.IoError, bench.Read(1, 512).Status);
        Assert.Equal(BlockBench.Ok, bench.Read(0, 512).Status);
        Assert.IsType<EndOfStreamException>(bench.Device.LastError);
    }

    [Theory]
    [InlineData(true, "write 0 512")]
    [InlineData(false, "write 0 512", "flush 0 0")]
    public void Write_WithoutFlushesInTheDriversHand_IsFlushed(bool hasFlush, params string[] expected)
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage, without: hasFlush ? 0 : BlockBench.FeatureFlush);

        Assert.Equal(BlockBench.Ok, bench.Write(0, new byte[512]));
        Assert.Equal(BlockBench.Ok, bench.Read(0, 512).Status);

        Assert.Equal([.. expected, "read 0 512"], storage.Calls);
    }

    [Fact]
    public void Write_ThatCannotBeFlushed_IsAnError()
    {
        using var bench = new BlockBench(new RecordingStorage(Capacity) { Failure = ("flush", new IOException("cable")) }, without: BlockBench.FeatureFlush);

        Assert.Equal(BlockBench.IoError, bench.Write(0, new byte[512]));
        Assert.Equal(0, bench.Device.Statistics.Writes);
    }

    [Fact]
    public void Flush_BehindWrites_FollowsThem()
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage);
        bench.Add(BlockBench.Out, 0, new byte[512]);
        bench.Add(BlockBench.Out, 8, new byte[512]);
        bench.Add(BlockBench.Flush, 0);
        bench.Add(BlockBench.Out, 16, new byte[512]);

        for (int i = 0; i < 4; i++)
        {
            bench.WorkUntilUsed();
        }

        Assert.Equal(["write 0 512", "write 4096 512", "flush 0 0", "write 8192 512"], storage.Calls);
    }

    public static TheoryData<string> HostErrors => ["disk full", "denied", "closed", "not supported"];

    [Theory]
    [MemberData(nameof(HostErrors))]
    public void Storage_ThatFails_IsTheGuestsErrorAndNoMore(string error)
    {
        Exception exception = error switch
        {
            "disk full" => new IOException("No space left on device."),
            "denied" => new UnauthorizedAccessException(),
            "closed" => new ObjectDisposedException("disk"),
            _ => new NotSupportedException(),
        };
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage);
        foreach ((string call, uint type, byte[] data, int room) in ((string, uint, byte[], int)[])
        [
            ("write", BlockBench.Out, new byte[512], 0), ("read", BlockBench.In, [], 512), ("flush", BlockBench.Flush, [], 0),
            ("discard", BlockBench.Discard, BlockBench.Range(0, 1), 0), ("zero", BlockBench.WriteZeroes, BlockBench.Range(0, 1), 0),
        ])
        {
            storage.Failure = (call, exception);
            Assert.Equal(BlockBench.IoError, bench.Request(type, 0, data, room));
            Assert.Same(exception, bench.Device.LastError);
            storage.Failure = null;
            Assert.Equal(BlockBench.Ok, bench.Request(type, 0, data, room));
        }

        Assert.Equal(5, bench.Device.Statistics.Errors);
        Assert.False(bench.Bench.Driver.NeedsReset);
    }

    [Fact]
    public void Storage_WithADefect_HasTheDeviceResetAndWorkAgain()
    {
        var storage = new RecordingStorage(Capacity) { Failure = ("read", new InvalidOperationException("a defect")) };
        using var bench = new BlockBench(storage);
        bench.Add(BlockBench.In, 0, room: 512);

        bench.Bench.Work();

        Assert.True(bench.Bench.Driver.NeedsReset);
        Assert.Contains("a defect", bench.Device.Fault, StringComparison.Ordinal);
        storage.Failure = null;
        bench.Start(0);
        Assert.Equal(BlockBench.Ok, bench.Read(0, 512).Status);
    }

    [Fact]
    public void Queues_Several_AreAllServed()
    {
        using var bench = new BlockBench(new MemoryStorage(BlockBench.Pattern(Capacity)), new BlockDeviceOptions { QueueCount = 4 });
        ulong[] statuses = [.. Enumerable.Range(0, 4).Select(i => bench.Add(BlockBench.In, (ulong)i, room: 512, queue: i))];

        for (int i = 0; i < 4; i++)
        {
            bench.WorkUntilUsed(i);
            Assert.Equal(BlockBench.Ok, bench.Status(statuses[i]));
        }
    }

    [Fact]
    public void Queues_WithALongRequestInOne_HaveTheirTurn()
    {
        using var bench = new BlockBench(new MemoryStorage(8 << 20), new BlockDeviceOptions { QueueCount = 2 });
        bench.Queue.Add(bench.Bench.Readable(BlockBench.Header(BlockBench.In, 0)), new DriverBuffer(0x20_0000, 8 << 20, IsWritable: true), bench.Bench.Writable(1));
        ulong status = bench.Add(BlockBench.In, 0, room: 512, queue: 1);

        bench.Bench.RunOnce();

        Assert.Equal(BlockBench.Ok, bench.Status(status));
        Assert.False(bench.Queue.TryTakeUsed(out _));
    }

    [Fact]
    public void Worker_OfItsOwn_ServesRequestsOfAnySize()
    {
        var device = new BlockDevice(new MemoryStorage(BlockBench.Pattern(4 << 20)));
        using var bench = new VirtioBench(new VirtioMmio(device));
        bench.Driver.Start();
        foreach (int length in (int[])[512, 4 << 20, 1 << 16])
        {
            byte[] answer = bench.Driver.Queues[0].Exchange(BlockBench.Header(BlockBench.In, 0), length + 1);
            Assert.Equal(BlockBench.Ok, answer[^1]);
            Assert.True(answer.AsSpan(..^1).SequenceEqual(BlockBench.Pattern(4 << 20).AsSpan(0, length)));
        }
    }

    public static TheoryData<string, BlockDeviceOptions> BadOptions => new()
    {
        { "Id", new() { Id = "123456789012345678901" } },
        { "Id", new() { Id = "plätze" } },
        { "Id", new() { Id = null! } },
        { "QueueCount", new() { QueueCount = 0 } },
        { "QueueCount", new() { QueueCount = 65 } },
        { "QueueSize", new() { QueueSize = 2 } },
        { "QueueSize", new() { QueueSize = 100 } },
        { "QueueSize", new() { QueueSize = 2048 } },
        { "BlockSize", new() { BlockSize = 256 } },
        { "BlockSize", new() { BlockSize = 8192 } },
        { "PhysicalBlockSize", new() { BlockSize = 4096, PhysicalBlockSize = 512 } },
        { "PhysicalBlockSize", new() { PhysicalBlockSize = 2 << 20 } },
        { "OptimalIoSize", new() { OptimalIoSize = -512 } },
        { "OptimalIoSize", new() { OptimalIoSize = 700 } },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void Option_OutOfRange_IsNamed(string name, BlockDeviceOptions options)
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => new BlockDevice(new MemoryStorage(Capacity), options));

        Assert.Equal(name, e.ParamName);
        Assert.Contains($"BlockDeviceOptions.{name} is ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Storage_OfPartOfABlock_IsRefused()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new BlockDevice(new MemoryStorage(512), new() { BlockSize = 4096 }));

        Assert.Contains("512 bytes", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => new BlockDevice(null!));
    }
}
