namespace HvSdk.Devices.Virtio.Tests.Balloon;

/// <summary>What the guest tells of its memory (virtio 1.2, 5.5.6.3).</summary>
public sealed class BalloonStatisticsTests
{
    private static readonly CancellationToken s_token = TestContext.Current.CancellationToken;

    [Fact]
    public void Statistics_OfAllKinds_AreTyped()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        Assert.Null(device.MemoryStatistics);

        driver.Tell([.. Enumerable.Range(0, 10).Select(static tag => (tag, 100 + tag))]);

        BalloonMemoryStatistics told = device.MemoryStatistics!;
        Assert.Equal((100UL, 101UL, 102UL, 103UL), (told.SwappedInBytes, told.SwappedOutBytes, told.MajorFaults, told.MinorFaults));
        Assert.Equal((104UL, 105UL, 106UL, 107UL), (told.FreeBytes, told.TotalBytes, told.AvailableBytes, told.CacheBytes));
        Assert.Equal((108UL, 109UL), (told.HugePageAllocations, told.HugePageFailures));
        Assert.Equal(driver.Bench.Slot.Time.GetUtcNow(), told.Time);
        Assert.False(driver.IsAsked());
    }

    [Fact]
    public void Statistics_UnknownTwiceAndCut_AreSkipped()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        DriverTells(driver, [15, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0, 0, 255, 255, 3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1]);

        Assert.Equal(4UL, device.MemoryStatistics!.TotalBytes);
        Assert.Null(device.MemoryStatistics.FreeBytes);
        Assert.Null(device.MemoryStatistics.HugePageFailures);
    }

    [Fact]
    public async Task Refresh_ByTwoCallers_IsOneQuestion()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        driver.Tell((4, 1));
        Task<BalloonMemoryStatistics> first = device.RefreshStatisticsAsync(s_token);
        Task<BalloonMemoryStatistics> second = device.RefreshStatisticsAsync(s_token);

        Assert.True(driver.IsAsked());
        Assert.False(first.IsCompleted);
        driver.Tell((4, 2));

        Assert.Equal(2UL, (await first.Within("statistics")).FreeBytes);
        Assert.Same(await first, await second.Within("statistics"));
        Assert.Same(await first, device.MemoryStatistics);
        Assert.False(driver.IsAsked());
        Assert.Equal(2, device.Counters.StatisticsReceived);
    }

    [Fact]
    public async Task Refresh_WhileTheDriverCollects_IsAnotherQuestion()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        driver.Tell((4, 1));
        Task<BalloonMemoryStatistics> first = device.RefreshStatisticsAsync(s_token);
        Assert.True(driver.IsAsked());
        Task<BalloonMemoryStatistics> second = device.RefreshStatisticsAsync(s_token);
        driver.Tell((4, 2));

        Assert.Equal(2UL, (await first.Within("statistics")).FreeBytes);
        Assert.False(second.IsCompleted);
        Assert.True(driver.IsAsked());
        driver.Tell((4, 3));
        Assert.Equal(3UL, (await second.Within("statistics")).FreeBytes);
    }

    [Fact]
    public async Task Refresh_BeforeTheDriversFirstBuffer_WaitsForTheSecond()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        Task<BalloonMemoryStatistics> refresh = device.RefreshStatisticsAsync(s_token);
        driver.Tell((4, 1));

        Assert.True(driver.IsAsked());
        driver.Tell((4, 2));

        Assert.Equal(2UL, (await refresh.Within("statistics")).FreeBytes);
    }

    [Fact]
    public async Task Refresh_Cancelled_LeavesTheOthersWaiting()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        driver.Tell((4, 1));
        using var cancelled = new CancellationTokenSource();
        Task<BalloonMemoryStatistics> left = device.RefreshStatisticsAsync(cancelled.Token);
        Task<BalloonMemoryStatistics> stayed = device.RefreshStatisticsAsync(s_token);

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        Assert.True(driver.IsAsked());
        driver.Tell((4, 2));

        Assert.Equal(2UL, (await stayed.Within("statistics")).FreeBytes);
    }

    [Fact]
    public async Task Refresh_DriverResetMeanwhile_ThrowsAndTheNextDriverAnswers()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        driver.Tell((4, 1));
        Task<BalloonMemoryStatistics> asked = device.RefreshStatisticsAsync(s_token);
        Assert.True(driver.IsAsked());
        Task<BalloonMemoryStatistics> waiting = device.RefreshStatisticsAsync(s_token);

        driver.Bench.Driver.Start(BalloonDriver.Statistics);

        await Assert.ThrowsAsync<InvalidOperationException>(() => asked);
        await Assert.ThrowsAsync<InvalidOperationException>(() => waiting);
        Assert.Null(device.MemoryStatistics);
        driver.Tell((4, 5));
        Task<BalloonMemoryStatistics> refresh = device.RefreshStatisticsAsync(s_token);
        Assert.True(driver.IsAsked());
        driver.Tell((4, 6));
        Assert.Equal(6UL, (await refresh.Within("statistics")).FreeBytes);
    }

    [Fact]
    public async Task Refresh_QueueResetMeanwhile_IsAnsweredByTheQueuesNextLife()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics | Testing.VirtioDriverFeatures.RingReset);
        driver.Tell((4, 1));
        Task<BalloonMemoryStatistics> refresh = device.RefreshStatisticsAsync(s_token);
        driver.Bench.Driver.ResetQueue(2);
        driver.Bench.Driver.SetUpQueue(2);
        driver.Tell((4, 2));

        Assert.True(driver.IsAsked());
        driver.Tell((4, 3));

        Assert.Equal(3UL, (await refresh.Within("statistics")).FreeBytes);
    }

    [Fact]
    public async Task Refresh_WithoutADriverThatTells_SaysWhy()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device);

        Assert.Contains("No driver", await Refusal(device), StringComparison.Ordinal);
        driver.Bench.Driver.Start(0);
        Assert.Contains("tells no statistics", await Refusal(device), StringComparison.Ordinal);
        Assert.Contains("HasStatistics", await Refusal(new BalloonDevice(new BalloonDeviceOptions { HasStatistics = false })), StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_UnaskedInManyBuffers_LieInTheQueue()
    {
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device, BalloonDriver.Statistics);
        for (int i = 0; i < 100; i++)
        {
            driver.Tell((4, i));
        }

        Assert.Equal(1, device.Counters.StatisticsReceived);
        Assert.Equal(0UL, device.MemoryStatistics!.FreeBytes);
    }

    private static async Task<string> Refusal(BalloonDevice device) =>
        (await Assert.ThrowsAsync<InvalidOperationException>(async () => await device.RefreshStatisticsAsync(s_token))).Message;

    private static void DriverTells(BalloonDriver driver, byte[] bytes)
    {
        driver.Telling.Add(driver.Bench.Readable(bytes));
        driver.Bench.Work();
    }
}
