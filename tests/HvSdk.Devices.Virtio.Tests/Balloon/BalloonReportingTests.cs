using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Balloon;

/// <summary>Free pages that the guest reports (virtio 1.2, 5.5.6.7).</summary>
public sealed class BalloonReportingTests
{
    private const uint First = BalloonDriver.FirstPage;
    private const long PageSize = 4096;

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Report_OfFreePages_GivesThemBack(ulong features)
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, features | BalloonDriver.PageReporting);

        uint written = driver.Exchange(driver.Bench.Driver.Queues[4], BalloonDriver.Free(First, 4), BalloonDriver.Free(First + 8, 8));

        Assert.Equal(12 * PageSize, written);
        Assert.All(Enumerable.Range(0, 32), page => Assert.Equal(page is < 4 or (>= 8 and < 16), driver.IsZero(First + (uint)page)));
        Assert.Equal(12 * PageSize, device.Counters.ReportedBytes);
        Assert.Equal(12 * PageSize, device.Counters.ReturnedBytes);
    }

    [Theory]
    [InlineData(BalloonDriver.PageReporting, 2)]
    [InlineData(BalloonDriver.PageReporting | BalloonDriver.Statistics, 3)]
    public void Report_ByADriverThatCountsItsQueues_IsUnderstood(ulong features, int queue)
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device);
        VirtqueueDriver[] queues = Start(driver, features, queue + 1);

        uint written = driver.Exchange(queues[queue], BalloonDriver.Free(First, 2));

        Assert.Equal(2 * PageSize, written);
        Assert.True(driver.IsZero(First + 1));
    }

    [Fact]
    public void Report_OfPagesThatKeepAPattern_IsLeftAlone()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.PageReporting | BalloonDriver.PagePoison);
        VirtqueueDriver queue = driver.Bench.Driver.Queues[4];
        driver.Bench.Driver.WriteConfiguration(12, 0xAAAA_AAAA, 4);

        Assert.Equal(0U, driver.Exchange(queue, BalloonDriver.Free(First, 2)));
        Assert.False(driver.IsZero(First));
        Assert.Equal(2 * PageSize, device.Counters.RefusedBytes);

        driver.Bench.Driver.WriteConfiguration(12, 0, 4);
        Assert.Equal(2 * PageSize, driver.Exchange(queue, BalloonDriver.Free(First, 2)));
        Assert.True(driver.IsZero(First));
    }

    [Fact]
    public void Report_OfPartsOfPages_TakesTheWholeOnes()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.PageReporting);
        ulong start = First * BalloonDriver.PageSize;

        uint written = driver.Exchange(
            driver.Bench.Driver.Queues[4], new DriverBuffer(start + 8, 3 << 12, IsWritable: true), new DriverBuffer(start + 0x8000, 100, IsWritable: true));

        Assert.Equal(0U, written);
        Assert.Equal([false, true, true, false, false], Enumerable.Range(0, 5).Select(page => driver.IsZero(First + (uint)page)));
        Assert.False(driver.IsZero(First + 8));
        Assert.Equal((3 * PageSize) + 100, device.Counters.ReportedBytes);
        Assert.Equal(2 * PageSize, device.Counters.ReturnedBytes);
        Assert.Equal(PageSize + 100, device.Counters.RefusedBytes);
    }

    [Fact]
    public void Report_OverReadOnlyMemory_ChangesNothing()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device);
        MemoryRegion rom = driver.Bench.Memory.Map(0x100_0000, 0x4000, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        rom.Write(0, 7);
        driver.Fill(0xFFF);
        driver.Bench.Driver.Start(BalloonDriver.PageReporting);

        Assert.Equal(0U, driver.Exchange(driver.Bench.Driver.Queues[4], BalloonDriver.Free(0xFFF, 2)));

        Assert.Equal(7, rom.Read<int>(0));
        Assert.False(driver.IsZero(0xFFF));
        Assert.Null(device.Fault);
    }

    [Fact]
    public void Report_OfTheQueueItself_BreaksThatDriverAlone()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.PageReporting);

        driver.Bench.Driver.Queues[4].Add(new DriverBuffer(0x10_0000, 1 << 20, IsWritable: true));
        driver.Bench.Work();

        driver.Bench.Driver.Status = 0;
        driver.Bench.Driver.Start(BalloonDriver.PageReporting);
        driver.Inflate(First);
        Assert.Null(device.Fault);
    }

    [Fact]
    public void Report_ThatIsNotAgreedUpon_IsNotLookedAt()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        driver.Bench.Driver.Queues[4].Add(BalloonDriver.Free(First, 1));
        driver.Bench.Driver.Queues[3].Add(BalloonDriver.Free(First, 1));

        driver.Bench.Work();

        Assert.Equal(0, device.Counters.ReportedBytes);
        Assert.False(driver.IsZero(First));
    }

    /// <summary>Starts as a driver does that has only the queues which its features have, numbered without gaps.</summary>
    private static VirtqueueDriver[] Start(BalloonDriver balloon, ulong features, int count)
    {
        VirtioMmioDriver driver = balloon.Bench.Driver;
        driver.Status = 0;
        driver.Status = 3;
        ulong wanted = features | VirtioDriverFeatures.Version1;
        driver.WriteRegister(0x24, 0);
        driver.WriteRegister(0x20, (uint)wanted);
        driver.WriteRegister(0x24, 1);
        driver.WriteRegister(0x20, (uint)(wanted >> 32));
        driver.Status = 11;
        VirtqueueDriver[] queues = [.. Enumerable.Range(0, count).Select(index => driver.SetUpQueue((uint)index)!)];
        driver.Status = 15;
        balloon.Bench.Work();
        return queues;
    }
}
