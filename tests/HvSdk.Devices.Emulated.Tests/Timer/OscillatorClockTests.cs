namespace HvSdk.Devices.Emulated.Tests;

/// <summary>Ticks of the PC's oscillator from timestamps of whatever resolution.</summary>
public sealed class OscillatorClockTests
{
    [Theory]
    [InlineData(1_000L)]
    [InlineData(10_000_000L)]
    [InlineData(24_000_000L)]
    [InlineData(1_000_000_000L)]
    [InlineData(10_000_000_000L)]
    public void Ticks_AfterYears_AreExact(long frequency)
    {
        var time = new CountingTime(frequency);
        var clock = OscillatorClock.ForIntervalTimer(time);

        time.Now += frequency * 11 * 10_000_000; // 11 * 10^7 s, over three years

        Assert.Equal(13_125_000L * 10_000_000, clock.Now);
    }

    [Theory]
    [InlineData(1_000L)]
    [InlineData(10_000_000L)]
    [InlineData(1_000_000_000L)]
    public void Until_OfTickAhead_HasReachedItAfterwards(long frequency)
    {
        var time = new CountingTime(frequency) { Now = 12_345 };
        var clock = OscillatorClock.ForPowerManagement(time);
        var random = new Random(1);
        for (int i = 0; i < 1_000; i++)
        {
            long tick = clock.Now + random.Next(1, 10_000_000);

            TimeSpan delay = clock.Until(tick);

            long target = (long)Math.Ceiling(delay.Ticks * (double)frequency / TimeSpan.TicksPerSecond);
            time.Now += target;
            Assert.True(clock.Now >= tick, $"{delay} before tick {tick}.");
            Assert.InRange(clock.Now - tick, 0, 3_600_000 / long.Min(frequency, 1_000_000));
        }
    }

    [Fact]
    public void Until_OfTickThatHasPassed_IsZero()
    {
        var time = new CountingTime(1_000_000_000);
        var clock = OscillatorClock.ForIntervalTimer(time);

        time.Now += 1_000_000;

        Assert.Equal(TimeSpan.Zero, clock.Until(1));
    }

    private sealed class CountingTime(long frequency) : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => frequency;

        public override long GetTimestamp() => Now;
    }
}
