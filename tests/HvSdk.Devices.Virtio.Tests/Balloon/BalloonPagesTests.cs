using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Balloon;

/// <summary>Pages that go into the balloon and come out (virtio 1.2, 5.5.6), and its size.</summary>
public sealed class BalloonPagesTests
{
    private const uint First = BalloonDriver.FirstPage;
    private const long PageSize = 4096;

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Inflate_PagesInAnyOrder_GoBackToTheHost(ulong features)
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, features);

        driver.Inflate(First, First + 1, First + 2, First + 9, First + 8, First + 7, First + 20, First + 20);

        uint[] gone = [0, 1, 2, 7, 8, 9, 20];
        Assert.All(Enumerable.Range(0, 32), page => Assert.Equal(gone.Contains((uint)page), driver.IsZero(First + (uint)page)));
        Assert.Equal(8 * PageSize, device.Counters.InflatedBytes);
        Assert.Equal(8 * PageSize, device.Counters.ReturnedBytes);
        Assert.Equal(0, device.Counters.RefusedBytes);
    }

    [Fact]
    public void Inflate_WithOnePageThatCannotGo_TakesItsNeighbours()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device);
        uint last = 0x100_0000 >> 12; // memory ends here
        driver.Fill(last - 1);
        driver.Bench.Memory.Map((ulong)(last + 1) << 12, 0x1000, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly }).Write(0, 7);
        driver.Bench.Memory.Map((ulong)(last + 2) << 12, 0x1000).Write(0, 7);
        driver.Bench.Driver.Start(0);

        driver.Inflate(last - 1, last, last + 1, last + 2, uint.MaxValue, 0x8_0000, First);

        Assert.True(driver.IsZero(last - 1));
        Assert.False(driver.IsZero(last + 1));
        Assert.True(driver.IsZero(last + 2));
        Assert.True(driver.IsZero(First));
        Assert.Equal(3 * PageSize, device.Counters.ReturnedBytes);
        Assert.Equal(4 * PageSize, device.Counters.RefusedBytes);
        Assert.Null(device.Fault);
    }

    [Fact]
    public void Inflate_ArrayCutInAnEntry_TakesTheWholeOnes()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, 0);
        DriverBuffer array = driver.Pages(First, First + 1);

        driver.Exchange(driver.Inflating, array with { Length = 7 });
        driver.Exchange(driver.Inflating, array with { Length = 3 });
        driver.Exchange(driver.Inflating, driver.Bench.Writable(8));

        Assert.Equal(PageSize, device.Counters.InflatedBytes);
        Assert.False(driver.IsZero(First + 1));
    }

    [Fact]
    public void Inflate_ArraysInPieces_AreOneArray()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, 0);
        DriverBuffer array = driver.Pages(First, First + 1, First + 2);

        driver.Exchange(driver.Inflating, array with { Length = 6 }, array with { Address = array.Address + 6, Length = 6 });

        Assert.Equal(3 * PageSize, device.Counters.ReturnedBytes);
    }

    [Fact]
    public void Inflate_OfItsOwnArrayAndQueue_EndsThatDriverAlone()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, 0);
        DriverBuffer array = driver.Pages(0, 0, First);
        driver.Bench.Memory.Write(array.Address, (uint)(array.Address >> 12));
        driver.Bench.Memory.Write(array.Address + 4, (uint)(driver.Inflating.Descriptors >> 12));
        driver.Inflating.Add(array);

        driver.Bench.Work();

        Assert.Equal(3 * PageSize, device.Counters.ReturnedBytes);
        Assert.True(driver.IsZero((uint)(array.Address >> 12)));
        driver.Bench.Driver.Status = 0;
        driver.Bench.Driver.Start(0);
        driver.Inflate(First);
        Assert.Null(device.Fault);
    }

    [Fact]
    public void Inflate_MillionsOfPages_TakesManyLooks()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, 0);
        var large = new DriverBuffer(0x20_0000, 8 << 20, IsWritable: false);
        driver.Inflating.Add(large, large, large, large);

        Assert.True(driver.Bench.RunOnce());
        Assert.Equal(4096 * PageSize, device.Counters.InflatedBytes);
        driver.Bench.Driver.Status = 0;

        driver.Bench.Driver.Start(0);
        driver.Inflate(First);
        Assert.Equal(4097 * PageSize, device.Counters.InflatedBytes);
    }

    [Fact]
    public void Deflate_Pages_AreCountedAndStayAsTheyAre()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, 0);

        driver.Exchange(driver.Deflating, driver.Pages(First, uint.MaxValue));

        Assert.Equal(2 * PageSize, device.Counters.DeflatedBytes);
        Assert.Equal(0, device.Counters.ReturnedBytes);
        Assert.False(driver.IsZero(First));
    }

    [Fact]
    public void Inflate_OnceWarm_AllocatesNothing()
    {
        // The driver of a packed queue keeps nothing for a chain.
        using var driver = new BalloonDriver(new BalloonDevice(), VirtioDriverFeatures.PackedRing);
        DriverBuffer array = driver.Pages([.. Enumerable.Range(0, 32).Select(static page => First + (2 * (uint)page))]);

        Assert.Equal(0, Allocations.Least(() => driver.Exchange(driver.Inflating, array)));
    }

    [Fact]
    public void TargetSize_ChangedWhileInUse_ReachesTheDriver()
    {
        var device = new BalloonDevice(new BalloonDeviceOptions { TargetSize = 3 * PageSize });
        using var driver = new BalloonDriver(device, 0);
        Assert.Equal(3U, driver.Target);
        uint generation = driver.Bench.Driver.ReadRegister(0xFC);
        driver.Bench.Acknowledge();

        device.TargetSize = 1L << 30;

        Assert.Equal(1U << 18, driver.Target);
        Assert.Equal(2U, driver.Bench.Driver.InterruptStatus & 2);
        Assert.NotEqual(generation, driver.Bench.Driver.ReadRegister(0xFC));
        driver.Bench.Acknowledge();
        device.TargetSize = 1L << 30;
        Assert.Equal(0U, driver.Bench.Driver.InterruptStatus);
    }

    [Fact]
    public async Task WaitForTarget_UntilTheDriverSaysSo_Ends()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, 0);
        await device.WaitForTargetAsync(TestContext.Current.CancellationToken);
        device.TargetSize = 2 * PageSize;
        Task waiting = device.WaitForTargetAsync(TestContext.Current.CancellationToken);

        driver.SetActual(1);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(PageSize, device.ActualSize);
        driver.SetActual(2);

        await waiting.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        driver.Bench.Driver.Status = 0;
        Assert.Equal(0, device.ActualSize);
        Assert.Equal(2 * PageSize, device.TargetSize);
    }

    [Fact]
    public async Task WaitForTarget_CancelledOrMachineEnded_Throws()
    {
        var device = new BalloonDevice(new BalloonDeviceOptions { TargetSize = PageSize });
        var driver = new BalloonDriver(device, 0);
        using var cancelled = new CancellationTokenSource();
        Task left = device.WaitForTargetAsync(cancelled.Token);
        Task stayed = device.WaitForTargetAsync(TestContext.Current.CancellationToken);
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);

        driver.Dispose();

        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => stayed);
        Assert.Contains("has ended", e.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await device.WaitForTargetAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(-4096)]
    [InlineData(4095)]
    [InlineData(long.MaxValue)]
    [InlineData(1L << 44)]
    public void TargetSize_NotPossible_IsRefusedInWords(long size)
    {
        var device = new BalloonDevice();

        ArgumentOutOfRangeException set = Assert.Throws<ArgumentOutOfRangeException>(() => device.TargetSize = size);
        ArgumentOutOfRangeException made = Assert.Throws<ArgumentOutOfRangeException>(() => new BalloonDevice(new BalloonDeviceOptions { TargetSize = size }));

        Assert.Contains($"A balloon cannot have {size} bytes: give a multiple of 4096 from 0 to 17592186040320.", set.Message, StringComparison.Ordinal);
        Assert.Equal("TargetSize", made.ParamName);
        Assert.Equal(0, device.TargetSize);
    }

    [Fact]
    public void Options_Off_OfferNoSuchFeature()
    {
        Assert.Equal(0b11_0110UL, new BalloonDevice().DeviceFeatures);
        Assert.Equal(0UL, new BalloonDevice(new BalloonDeviceOptions { HasStatistics = false, DeflatesOnOutOfMemory = false, ReportsFreePages = false }).DeviceFeatures);
    }

    [Fact]
    public void Configuration_DriverWritesTheHostsNumbers_ChangesNothing()
    {
        using var driver = new BalloonDriver(new BalloonDevice(new BalloonDeviceOptions { TargetSize = PageSize }), 0);

        driver.Bench.Driver.WriteConfiguration(0, ulong.MaxValue, 8);
        driver.Bench.Driver.WriteConfiguration(8, ulong.MaxValue, 8);

        Assert.Equal(0xFFFF_FFFF_0000_0001, driver.Bench.Driver.ReadConfiguration(0, 8));
        Assert.Equal(0xFFFF_FFFF_0000_0000, driver.Bench.Driver.ReadConfiguration(8, 8));
        Assert.Equal(uint.MaxValue * PageSize, driver.Device.ActualSize);
    }
}
