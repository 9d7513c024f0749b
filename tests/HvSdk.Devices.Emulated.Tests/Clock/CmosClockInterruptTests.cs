namespace HvSdk.Devices.Emulated.Tests.Clock;

/// <summary>The three interrupts of the MC146818A (data sheet, figures 12 and 13, table 5).</summary>
public sealed class CmosClockInterruptTests
{
    private readonly ClockBench _clock = new();

    [Fact]
    public void UpdateEnded_Enabled_InterruptsEverySecond()
    {
        _clock[11] = 0x12;
        _clock.Advance(0.5);
        Assert.False(_clock.Interrupt.IsAsserted);

        _clock.Advance(0.5);

        Assert.True(_clock.Interrupt.IsAsserted);
        Assert.Equal(0x90, _clock[12] & 0xB0);
        Assert.False(_clock.Interrupt.IsAsserted);
        _clock.Advance(1);
        Assert.Equal(2, _clock.Interrupt.Edges);
    }

    [Fact]
    public void UpdateEnded_NotEnabled_IsAFlagWithoutInterrupt()
    {
        Assert.Equal(0x00, _clock[12]);
        _clock.Advance(1);

        Assert.Equal(0x10, _clock[12] & 0x90);
        Assert.False(_clock.Interrupt.IsAsserted);
        Assert.Equal(0x00, _clock[12] & 0x10);
    }

    [Fact]
    public void UpdateEnded_FlagBeforeEnabled_InterruptsAtOnce()
    {
        Assert.Equal(0x00, _clock[12]);
        _clock.Advance(1);

        _clock[11] = 0x12;

        Assert.True(_clock.Interrupt.IsAsserted);
    }

    [Fact]
    public void UpdateEnded_SetWritten_IsSwitchedOff()
    {
        _clock[11] = 0x92;

        Assert.Equal(0x82, _clock[11]);
    }

    [Fact]
    public void UpdateEnded_WhileSet_DoesNotCome()
    {
        Assert.Equal(0x00, _clock[12]);
        _clock[11] = 0x82;
        _clock.Advance(10);

        Assert.Equal(0x00, _clock[12] & 0x10);
    }

    [Fact]
    public void Alarm_AtItsTime_Interrupts()
    {
        SetAlarm(0x30, 0x02, 0x01);
        _clock[11] = 0x22;
        _clock.Advance(3600 + 120 + 29);
        Assert.False(_clock.Interrupt.IsAsserted);

        _clock.Advance(1);

        Assert.True(_clock.Interrupt.IsAsserted);
        Assert.Equal(0xA0, _clock[12] & 0xA0);
        _clock.Advance(86_399);
        Assert.Equal(1, _clock.Interrupt.Edges);
        _clock.Advance(1);
        Assert.Equal(2, _clock.Interrupt.Edges);
    }

    [Theory]
    [InlineData(0xFF, 0xFF, 0xFF, 1)] // every second
    [InlineData(0x10, 0xC0, 0xFF, 10)] // every minute
    [InlineData(0x10, 0x05, 0xFF, 310)] // every hour
    [InlineData(0xFF, 0xFF, 0x02, 7200)] // every second of an hour
    [InlineData(0x00, 0x00, 0x00, 86_400)] // midnight has just been
    public void Alarm_DontCareBytes_MatchAnything(byte seconds, byte minutes, byte hours, int after)
    {
        SetAlarm(seconds, minutes, hours);
        _clock[11] = 0x22;
        _clock.Advance(after - 1);
        Assert.False(_clock.Interrupt.IsAsserted);

        _clock.Advance(1);

        Assert.True(_clock.Interrupt.IsAsserted);
    }

    [Fact]
    public void Alarm_In12HourMode_KnowsTheAfternoon()
    {
        SetAlarm(0x00, 0x00, 0x81);
        _clock[11] = 0x20;
        _clock.Advance((13 * 3600) - 1);
        Assert.False(_clock.Interrupt.IsAsserted);

        _clock.Advance(1);

        Assert.True(_clock.Interrupt.IsAsserted);
    }

    [Fact]
    public void Alarm_ThatIsNoTime_NeverComes()
    {
        SetAlarm(0x75, 0x00, 0x00);
        _clock[11] = 0x22;
        _clock.Advance(200_000);

        Assert.False(_clock.Interrupt.IsAsserted);
        Assert.Equal(0, _clock.Bench.Time.ActiveTimers);
    }

    [Fact]
    public void Alarm_PassedUnseen_IsAFlag()
    {
        Assert.Equal(0x00, _clock[12]);
        SetAlarm(0x30, 0x02, 0x01);
        _clock.Advance(100_000);

        Assert.Equal(0x30, _clock[12] & 0x30);
    }

    [Theory]
    [InlineData(0x2F, 500.0)]
    [InlineData(0x2E, 250.0)]
    [InlineData(0x26, 1000.0 / 1024)]
    [InlineData(0x22, 1000.0 / 128)]
    [InlineData(0x21, 1000.0 / 256)]
    public void Periodic_AtEachRate_InterruptsWithinAMillisecond(byte registerA, double milliseconds)
    {
        _clock[10] = registerA;
        _clock[11] = 0x42;
        _clock.Bench.Time.Advance(TimeSpan.FromMilliseconds(milliseconds) - TimeSpan.FromMicroseconds(1));
        Assert.False(_clock.Interrupt.IsAsserted);

        _clock.Advance(0.001);

        Assert.True(_clock.Interrupt.IsAsserted);
        Assert.Equal(0xC0, _clock[12] & 0xC0);
    }

    [Fact]
    public void Periodic_At64Hz_KeepsItsRate()
    {
        _clock[10] = 0x2A;
        _clock[11] = 0x42;
        for (int i = 0; i < 10_000; i++)
        {
            _clock.Advance(0.001);
            _ = _clock[12];
        }

        Assert.Equal(640, _clock.Interrupt.Edges);
    }

    [Fact]
    public void Periodic_NotAcknowledged_CostsNoTimer()
    {
        _clock[11] = 0x42;
        _clock.Advance(1);

        Assert.Equal(1, _clock.Interrupt.Edges);
        Assert.Equal(0, _clock.Bench.Time.ActiveTimers);
    }

    [Fact]
    public void Periodic_RateZero_IsOff()
    {
        _clock[10] = 0x20;
        _clock[11] = 0x42;
        _clock.Advance(10);

        Assert.False(_clock.Interrupt.IsAsserted);
    }

    [Fact]
    public void Periodic_AfterAYear_StillComes()
    {
        _clock[10] = 0x2F;
        _clock.Advance(400.0 * 86_400);
        _clock[11] = 0x42;
        _ = _clock[12];
        _clock.Advance(0.6);

        Assert.True(_clock.Interrupt.IsAsserted);
    }

    [Fact]
    public void Dispose_TimerRunning_StopsIt()
    {
        _clock[11] = 0x42;
        Assert.Equal(1, _clock.Bench.Time.ActiveTimers);

        _clock.Clock.Dispose();
        _clock[11] = 0x52;

        Assert.Equal(0, _clock.Bench.Time.ActiveTimers);
    }

    private void SetAlarm(byte seconds, byte minutes, byte hours)
    {
        _clock[1] = seconds;
        _clock[3] = minutes;
        _clock[5] = hours;
    }
}
