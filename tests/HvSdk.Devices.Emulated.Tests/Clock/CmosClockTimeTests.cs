using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Clock;

/// <summary>The time of the MC146818A: its formats, how it is set, when it may be read (data sheet, tables 3 to 5, figures 11, 12 and 16).</summary>
public sealed class CmosClockTimeTests
{
    private readonly ClockBench _clock = new();

    [Fact]
    public void Registers_AtTheStart_AreAsFirmwareLeavesThem()
    {
        Assert.Equal(0x26, _clock[10]);
        Assert.Equal(0x02, _clock[11]);
        Assert.Equal(0x00, _clock[12]);
        Assert.Equal(0x80, _clock[13]);
    }

    [Fact]
    public void Time_InBcd_IsTheHosts()
    {
        _clock.Advance((13 * 3600) + (45 * 60) + 56);

        Assert.Equal([0x56, 0x45, 0x13, 0x05, 0x01, 0x01, 0x26, 0x20], _clock.Time);
    }

    [Fact]
    public void Time_InBinary_IsTheHosts()
    {
        _clock.Advance((13 * 3600) + (45 * 60) + 56);
        _clock[11] = 0x06;

        Assert.Equal([56, 45, 13, 5, 1, 1, 26, 0x20], _clock.Time);
    }

    [Theory]
    [InlineData(0, 0x12)]
    [InlineData(1, 0x01)]
    [InlineData(11, 0x11)]
    [InlineData(12, 0x92)]
    [InlineData(13, 0x81)]
    [InlineData(23, 0x91)]
    public void Hours_In12HourMode_HavePmInBit7(int hour, byte expected)
    {
        _clock.Advance(hour * 3600);
        _clock[11] = 0x00;

        Assert.Equal(expected, _clock[4]);
    }

    [Theory]
    [InlineData(0x12, 0)]
    [InlineData(0x01, 1)]
    [InlineData(0x92, 12)]
    [InlineData(0x91, 23)]
    public void Hours_SetIn12HourMode_AreThoseOf24(byte written, int hour)
    {
        _clock[11] = 0x80;
        _clock[4] = written;
        _clock[11] = 0x00;
        _clock[11] = 0x06;

        Assert.Equal(hour, _clock[4]);
    }

    [Fact]
    public void Set_TimeWritten_RunsFromThere()
    {
        _clock[11] = 0x82;
        _clock.Time = [0x58, 0x59, 0x23, 0x07, 0x28, 0x02, 0x24, 0x20];
        _clock.Advance(100);
        Assert.Equal([0x58, 0x59, 0x23, 0x07, 0x28, 0x02, 0x24, 0x20], _clock.Time);

        _clock[11] = 0x02;
        _clock.Advance(2);

        Assert.Equal([0x00, 0x00, 0x00, 0x01, 0x29, 0x02, 0x24, 0x20], _clock.Time);
    }

    [Fact]
    public void Set_NothingWritten_TheClockHasLostTheTimeItStood()
    {
        _clock[11] = 0x82;
        _clock.Advance(10);
        _clock[11] = 0x02;

        Assert.Equal(0x00, _clock[0]);
    }

    [Fact]
    public void Time_WrittenWhileItRuns_TakesEffectAtOnce()
    {
        _clock[9] = 0x99;
        _clock[0x32] = 0x19;
        _clock.Advance(1);

        Assert.Equal([0x01, 0x00, 0x00, 0x05, 0x01, 0x01, 0x99, 0x19], _clock.Time);
    }

    [Fact]
    public void Time_ThatIsNone_BecomesTheNearest()
    {
        _clock[11] = 0x82;
        _clock.Time = [0x99, 0xFF, 0x77, 0x00, 0x31, 0x02, 0x23, 0x20];
        _clock[11] = 0x02;

        Assert.Equal([0x59, 0x59, 0x23], _clock.Time[..3]);
        Assert.Equal([0x28, 0x02, 0x23, 0x20], _clock.Time[4..]);
    }

    [Fact]
    public void Divider_Held_StopsTheTimeAndStartsItHalfASecondBeforeAnUpdate()
    {
        // As Linux sets the time: SET, divider reset, the bytes, SET off, divider on.
        _clock.Advance(0.3);
        _clock[11] = 0x82;
        _clock[10] = 0x76;
        _clock[0] = 0x10;
        _clock[11] = 0x02;
        _clock.Advance(5);
        Assert.Equal(0x10, _clock[0]);

        _clock[10] = 0x26;
        _clock.Advance(0.49);
        Assert.Equal(0x10, _clock[0]);
        _clock.Advance(0.02);

        Assert.Equal(0x11, _clock[0]);
    }

    [Fact]
    public void UpdateInProgress_BeforeTheUpdate_StandsFor244Microseconds()
    {
        _clock.Advance(0.9997);
        Assert.Equal(0x26, _clock[10]);

        _clock.Bench.Time.Advance(TimeSpan.FromMicroseconds(60));
        Assert.Equal(0xA6, _clock[10]);
        Assert.Equal(0x00, _clock[0]);

        _clock.Bench.Time.Advance(TimeSpan.FromMicroseconds(240));
        Assert.Equal(0x26, _clock[10]);
        Assert.Equal(0x01, _clock[0]);
    }

    [Fact]
    public void UpdateInProgress_WhileSet_IsNever()
    {
        _clock[11] = 0x82;
        _clock.Advance(0.9999);

        Assert.Equal(0x26, _clock[10]);
    }

    [Fact]
    public void LocalTime_AskedFor_IsTheHostsZone()
    {
        var clock = new ClockBench(new CmosClock { UseLocalTime = true, TimeProvider = new ZoneTime() });

        Assert.Equal(0x05, clock[4]);
    }

    [Fact]
    public void TimeProvider_OfItsOwn_GoesBeforeTheMachines()
    {
        var clock = new ClockBench(new CmosClock { TimeProvider = new ManualTimeProvider(new DateTimeOffset(1999, 12, 31, 23, 59, 59, TimeSpan.Zero)) });

        Assert.Equal([0x59, 0x59, 0x23, 0x06, 0x31, 0x12, 0x99, 0x19], clock.Time);
    }

    [Fact]
    public void Year_BeyondTheLast_Stays()
    {
        _clock[11] = 0x82;
        _clock.Time = [0x59, 0x59, 0x23, 0x01, 0x31, 0x12, 0x99, 0x99];
        _clock[11] = 0x02;
        _clock.Advance(100);

        Assert.Equal([0x59, 0x59, 0x23], _clock.Time[..3]);
    }

    private sealed class ZoneTime : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone { get; } = TimeZoneInfo.CreateCustomTimeZone("east", TimeSpan.FromHours(5), "east", "east");

        public override DateTimeOffset GetUtcNow() => new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    }
}
