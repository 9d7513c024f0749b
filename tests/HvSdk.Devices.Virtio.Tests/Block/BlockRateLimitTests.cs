using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>Limits of operations and bytes in a second.</summary>
public sealed class BlockRateLimitTests
{
    private const int Capacity = 4 << 20;

    [Fact]
    public void Operations_BeyondTheBurst_WaitForTheirTime()
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity), new BlockDeviceOptions { Operations = new RateLimit(10, burst: 3) });
        Add(bench, 6);

        Assert.Equal(3, Done(bench));
        Advance(bench, 99);
        Assert.Equal(0, Done(bench));
        Advance(bench, 1);
        Assert.Equal(1, Done(bench));
        Advance(bench, 200);
        Assert.Equal(2, Done(bench));
        Assert.True(bench.Device.Statistics.Throttled >= 2);
        Assert.Equal(6, bench.Device.Statistics.Reads);
    }

    [Fact]
    public void Operations_AfterAQuietTime_AreABurstAndNoMore()
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity), new BlockDeviceOptions { Operations = new RateLimit(10, burst: 3) });
        Advance(bench, 3_600_000);
        Add(bench, 6);

        Assert.Equal(3, Done(bench));
    }

    [Fact]
    public void Bytes_OfALongRequest_GoOnAsTimeDoes()
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity), new BlockDeviceOptions { Bytes = new RateLimit(1 << 20) });
        bench.Queue.Add(bench.Bench.Readable(BlockBench.Header(BlockBench.In, 0)), new DriverBuffer(0x20_0000, 4 << 20, IsWritable: true), bench.Bench.Writable(1));
        int milliseconds = 0;
        while (Done(bench) == 0)
        {
            Assert.True(milliseconds < 10_000);
            Advance(bench, 10);
            milliseconds += 10;
        }

        // 4 MiB, of which the burst of one second was there at once.
        Assert.InRange(milliseconds, 2900, 3100);
        Assert.Equal(4 << 20, bench.Device.Statistics.BytesRead);
    }

    [Fact]
    public void Bytes_OfWritesAndZeroes_Count()
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity), new BlockDeviceOptions { Bytes = new RateLimit(4096) });
        bench.Add(BlockBench.Out, 0, new byte[4096]);
        bench.Add(BlockBench.WriteZeroes, 0, BlockBench.Range(0, 8));
        bench.Add(BlockBench.Flush, 0);

        Assert.Equal(1, Done(bench));
        Advance(bench, 1000);
        Assert.Equal(2, Done(bench));
    }

    [Fact]
    public void Queues_Together_KeepTheLimit()
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity), new BlockDeviceOptions { Operations = new RateLimit(10, burst: 1), QueueCount = 2 });
        bench.Add(BlockBench.In, 0, room: 512, queue: 0);
        bench.Add(BlockBench.In, 0, room: 512, queue: 0);
        bench.Add(BlockBench.In, 0, room: 512, queue: 1);
        int done = 0;
        for (int i = 0; i < 3; i++)
        {
            done += Done(bench) + Done(bench, 1);
            Assert.Equal(i + 1, done);
            Advance(bench, 100);
        }
    }

    [Fact]
    public void Reset_OfTheDevice_GivesNothingBack()
    {
        using var bench = new BlockBench(new MemoryStorage(Capacity), new BlockDeviceOptions { Operations = new RateLimit(10, burst: 3) });
        Add(bench, 4);
        Assert.Equal(3, Done(bench));
        Assert.Equal(1, bench.Bench.Slot.Time.ActiveTimers);

        bench.Start(0);

        Assert.Equal(0, bench.Bench.Slot.Time.ActiveTimers);
        Add(bench, 1);
        Assert.Equal(0, Done(bench));
        Advance(bench, 100);
        Assert.Equal(1, Done(bench));
    }

    [Fact]
    public void Limit_BelowOne_IsRefused()
    {
        Assert.Equal("perSecond", Assert.Throws<ArgumentOutOfRangeException>(static () => new RateLimit(0)).ParamName);
        Assert.Equal("burst", Assert.Throws<ArgumentOutOfRangeException>(static () => new RateLimit(1, burst: 0)).ParamName);
        Assert.Equal(7, new RateLimit(7).Burst);
    }

    private static void Add(BlockBench bench, int count)
    {
        for (int i = 0; i < count; i++)
        {
            bench.Add(BlockBench.In, 0, room: 512);
        }
    }

    private static void Advance(BlockBench bench, int milliseconds) => bench.Bench.Slot.Time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private static int Done(BlockBench bench, int queue = 0)
    {
        // As often as the device asks to go on: it wakes itself after a piece of work.
        for (int i = 0; i < 8; i++)
        {
            bench.Bench.Work();
        }

        int done = 0;
        while (bench.Bench.Driver.Queues[queue].TryTakeUsed(out _))
        {
            done++;
        }

        return done;
    }
}
