using HvSdk.Testing;

namespace HvSdk.Tests.Testing;

/// <summary>A time that a test moves on, and that never goes back.</summary>
public sealed class ManualTimeProviderTests
{
    [Fact]
    public void Advance_ByATimerThatMovesTheTimeItself_NeverGoesBack()
    {
        var time = new ManualTimeProvider();
        long start = time.GetTimestamp();
        using ITimer timer = time.CreateTimer(_ => time.Advance(TimeSpan.FromSeconds(20)), null, TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan);

        time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(TimeSpan.FromSeconds(25), time.GetElapsedTime(start));
    }

    [Fact]
    public async Task Advance_ByTwoThreads_NeverGoesBack()
    {
        const int steps = 20_000;
        var time = new ManualTimeProvider();
        long start = time.GetTimestamp();
        Task[] threads = [Limits.OnThread(Move), Limits.OnThread(Move)];
        await Task.WhenAll(threads).Within("both threads");
        Assert.InRange(time.GetElapsedTime(start), TimeSpan.FromTicks(steps), TimeSpan.FromTicks(2 * steps));

        void Move()
        {
            long last = 0;
            for (int i = 0; i < steps; i++)
            {
                time.Advance(TimeSpan.FromTicks(1));
                long now = time.GetTimestamp();
                Assert.True(now > last, $"The time went from {last} to {now}.");
                last = now;
            }
        }
    }
}
