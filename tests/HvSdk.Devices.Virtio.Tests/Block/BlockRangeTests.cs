namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>Discards and writes of zeroes (virtio 1.2, 5.2.6.2).</summary>
public sealed class BlockRangeTests
{
    private const int Capacity = 1 << 20;
    private const uint Sectors = Capacity / 512;

    [Fact]
    public void WriteZeroes_OfSeveralRanges_ZeroesThemAlone()
    {
        byte[] content = BlockBench.Pattern(Capacity);
        var storage = new MemoryStorage(content);
        using var bench = new BlockBench(storage);

        Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.WriteZeroes, 0, [.. BlockBench.Range(1, 2), .. BlockBench.Range(9, 0), .. BlockBench.Range(Sectors - 300, 300, flags: 1)]));

        content.AsSpan(512, 1024).Clear();
        content.AsSpan(Capacity - (300 * 512)).Clear();
        byte[] read = new byte[Capacity];
        storage.Read(0, read);
        Assert.Equal(content, read);
    }

    [Theory]
    [InlineData(true, 1U, "zero-discard")]
    [InlineData(true, 0U, "zero")]
    [InlineData(false, 1U, "zero")]
    public void WriteZeroes_ThatMayUnmap_IsToldToAStorageThatCan(bool canDiscard, uint flags, string expected)
    {
        var storage = new RecordingStorage(Capacity) { CanDiscard = canDiscard };
        using var bench = new BlockBench(storage);

        Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.WriteZeroes, 0, BlockBench.Range(4, 8, flags)));

        Assert.Equal([$"{expected} 2048 4096"], storage.Calls);
    }

    [Fact]
    public void WriteZeroes_OfGreatLength_IsDoneInSteps()
    {
        var storage = new RecordingStorage(64 << 20);
        using var bench = new BlockBench(storage);
        ulong status = bench.Add(BlockBench.WriteZeroes, 0, BlockBench.Range(0, (64 << 20) / 512));

        bench.Bench.RunOnce();
        Assert.InRange(storage.Calls.Count, 1, 8);
        bench.WorkUntilUsed();

        Assert.Equal(BlockBench.Ok, bench.Status(status));
        Assert.Equal(64 << 20, storage.Calls.Sum(static call => int.Parse(call.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void Discard_OfWholePieces_GivesMemoryBack()
    {
        var storage = new MemoryStorage(BlockBench.Pattern(Capacity));
        using var bench = new BlockBench(storage);
        Assert.Equal(Capacity, storage.AllocatedLength);

        Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.Discard, 0, BlockBench.Range(0, Sectors)));

        Assert.Equal(0, storage.AllocatedLength);
        Assert.All(bench.Read(0, Capacity / 2).Data, static value => Assert.Equal(0, value));
        Assert.Equal(1, bench.Device.Statistics.Discards);
    }

    [Theory]
    [InlineData(BlockBench.Discard, 1U)]
    [InlineData(BlockBench.Discard, 2U)]
    [InlineData(BlockBench.WriteZeroes, 2U)]
    [InlineData(BlockBench.WriteZeroes, 0x8000_0001U)]
    public void Range_WithUnknownFlags_IsUnsupported(uint type, uint flags)
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage);

        Assert.Equal(BlockBench.Unsupported, bench.Request(type, 0, [.. BlockBench.Range(0, 1), .. BlockBench.Range(0, 1, flags)]));

        Assert.Empty(storage.Calls);
    }

    [Theory]
    [InlineData(Sectors, 1U)]
    [InlineData(Sectors - 1, 2U)]
    [InlineData(0UL, uint.MaxValue)]
    [InlineData(ulong.MaxValue, 1U)]
    [InlineData(1UL << 55, 1U)]
    [InlineData((1UL << 63) + 1, uint.MaxValue)]
    public void Range_BeyondTheDisk_IsAnErrorBeforeAnythingIsDone(ulong sector, uint count)
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage);

        Assert.Equal(BlockBench.IoError, bench.Request(BlockBench.WriteZeroes, 0, [.. BlockBench.Range(0, 1), .. BlockBench.Range(sector, count)]));
        Assert.Equal(BlockBench.IoError, bench.Request(BlockBench.Discard, 0, [.. BlockBench.Range(0, 1), .. BlockBench.Range(sector, count)]));

        Assert.Empty(storage.Calls);
    }

    [Fact]
    public void Range_LongerThanTheLimit_IsAnError()
    {
        using var bench = new BlockBench(new MemoryStorage(1L << 40));
        uint limit = (uint)bench.Bench.Driver.ReadConfiguration(48, 4);

        Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.Discard, 0, BlockBench.Range(0, limit)));
        Assert.Equal(BlockBench.IoError, bench.Request(BlockBench.Discard, 0, BlockBench.Range(0, limit + 1)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(31)]
    public void Ranges_CutWithin_AreAnError(int length)
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage);

        Assert.Equal(BlockBench.IoError, bench.Request(BlockBench.Discard, 0, [.. BlockBench.Range(0, 1)[..int.Min(length, 16)], .. new byte[int.Max(0, length - 16)]]));

        Assert.Empty(storage.Calls);
    }

    [Theory]
    [InlineData(0, BlockBench.Ok)]
    [InlineData(1, BlockBench.IoError)]
    public void Ranges_UpToTheLimit_AreDone(int more, byte expected)
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity));
        int count = (int)bench.Bench.Driver.ReadConfiguration(40, 4) + more;

        Assert.Equal(expected, bench.Request(BlockBench.Discard, 0, [.. Enumerable.Range(0, count).SelectMany(static i => BlockBench.Range((ulong)i, 1))]));
    }

    [Theory]
    [InlineData(BlockBench.Discard)]
    [InlineData(BlockBench.WriteZeroes)]
    public void Request_NotAgreedUpon_IsUnsupported(uint type)
    {
        var storage = new RecordingStorage(Capacity);
        using var bench = new BlockBench(storage, without: (1UL << 13) | (1UL << 14));

        Assert.Equal(BlockBench.Unsupported, bench.Request(type, 0, BlockBench.Range(0, 1)));

        Assert.Empty(storage.Calls);
    }
}
