using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Clock;

/// <summary>The PL031 (Arm DDI 0224C). It is 2026-01-01 00:00:00 UTC.</summary>
public sealed class Pl031Tests : IDisposable
{
    private const ulong Base = 0x0901_0000;
    private const ulong Data = 0x00;
    private const ulong Match = 0x04;
    private const ulong Load = 0x08;
    private const ulong Control = 0x0C;
    private const ulong Mask = 0x10;
    private const ulong Raw = 0x14;
    private const ulong Masked = 0x18;
    private const ulong Clear = 0x1C;
    private const uint Start = 1_767_225_600;

    private readonly DeviceBench _bench = new();
    private readonly RealTimeClockPl031 _clock = new() { Address = Base, InterruptLine = 2 };

    public Pl031Tests()
    {
        _bench.Attach(_clock);
    }

    private RecordingLine Interrupt => _bench.Line(2);

    public void Dispose() => _clock.Dispose();

    [Fact]
    public void Start_Counter_IsTheHostsTimeAndRuns()
    {
        Assert.Equal(Start, Read(Data));
        Assert.Equal(1u, Read(Control));

        Advance(1.5);
        Assert.Equal(Start + 1, Read(Data));
        Advance(0.5);
        Assert.Equal(Start + 2, Read(Data));
    }

    [Fact]
    public void Identification_Read_IsThePrimeCells()
    {
        uint[] expected = [0x31, 0x10, 0x04, 0x00, 0x0D, 0xF0, 0x05, 0xB1];
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], Read(0xFE0 + (4 * (ulong)i)));
        }
    }

    [Fact]
    public void Attach_ToASlot_DescribesItselfAsTheTreesBindingWants()
    {
        Assert.Equal(["arm,pl031", "arm,primecell"], _bench.DeviceTree!.Compatible);
        Assert.Equal([new DeviceTreeClock("apb_pclk", 24_000_000)], _bench.DeviceTree.Clocks);
        Assert.Equal(new DeviceLine(2, InterruptSense.Level), Assert.Single(_bench.Description.Lines));
    }

    [Fact]
    public void Load_Written_SetsTheCounterAndKeepsTheDistance()
    {
        Write(Load, 1000);

        Assert.Equal(1000u, Read(Data));
        Assert.Equal(1000u, Read(Load));
        Advance(60);
        Assert.Equal(1060u, Read(Data));
        Assert.Equal(1000u, Read(Load));
    }

    [Fact]
    public void Counter_After32Bits_StartsAgain()
    {
        Write(Load, uint.MaxValue);
        Advance(2);

        Assert.Equal(1u, Read(Data));
    }

    [Theory]
    [InlineData(Data)]
    [InlineData(Control)]
    [InlineData(Raw)]
    [InlineData(Masked)]
    public void Register_ThatIsOnlyRead_IgnoresWrites(ulong register)
    {
        uint before = Read(register);
        Write(register, ~before);

        Assert.Equal(before, Read(register));
    }

    [Fact]
    public void Match_Reached_InterruptsUntilCleared()
    {
        Write(Match, Start + 10);
        Write(Mask, 1);
        Advance(9.999);
        Assert.False(Interrupt.IsAsserted);

        Advance(0.001);

        Assert.True(Interrupt.IsAsserted);
        Assert.Equal(1u, Read(Masked));
        Write(Clear, 1);
        Assert.False(Interrupt.IsAsserted);
        Assert.Equal(0u, Read(Raw));
        Advance(1000);
        Assert.False(Interrupt.IsAsserted);
    }

    [Fact]
    public void Match_Masked_IsRaisedAndInterruptsOnceUnmasked()
    {
        Write(Match, Start + 10);
        Advance(20);
        Assert.Equal(0, _bench.Time.ActiveTimers);
        Assert.Equal(1u, Read(Raw));
        Assert.Equal(0u, Read(Masked));

        Write(Mask, 1);

        Assert.True(Interrupt.IsAsserted);
        Write(Mask, 0);
        Assert.False(Interrupt.IsAsserted);
        Assert.Equal(1u, Read(Raw));
    }

    [Fact]
    public void Match_DaysAway_ComesAtItsTime()
    {
        Write(Mask, 1);
        Write(Match, Start + (100 * 86_400));
        Advance((100 * 86_400) - 1);
        Assert.False(Interrupt.IsAsserted);

        Advance(1);

        Assert.True(Interrupt.IsAsserted);
    }

    [Fact]
    public void Match_OfNow_InterruptsAtOnce()
    {
        Write(Mask, 1);
        Write(Match, Read(Data));

        Assert.True(Interrupt.IsAsserted);
    }

    [Fact]
    public void Match_Past_WaitsForTheCounterToComeRound()
    {
        Write(Mask, 1);
        Write(Match, Start - 1);
        Advance(86_400);

        Assert.False(Interrupt.IsAsserted);
        Assert.Equal(0u, Read(Raw));
        Assert.Equal(1, _bench.Time.ActiveTimers);
    }

    [Fact]
    public void Load_ToBeforeTheMatch_LetsItComeAgain()
    {
        Write(Mask, 1);
        Write(Match, Start + 1);
        Advance(1);
        Write(Load, Start - 4);
        Write(Clear, 1);
        Assert.False(Interrupt.IsAsserted);

        Advance(5);

        Assert.True(Interrupt.IsAsserted);
    }

    [Fact]
    public void SaveState_LoadedIntoAnother_KeepsDistanceAndAlarm()
    {
        Write(Load, 500);
        Write(Match, 510);
        Write(Mask, 1);
        RealTimeClockPl031State state = _clock.SaveState();
        Advance(5);
        using var other = new RealTimeClockPl031 { Address = Base, InterruptLine = 2, TimeProvider = _bench.Time };
        var bench = new DeviceBench();
        bench.Attach(other);

        other.LoadState(state);

        Assert.Equal(505UL, bench.ReadMmio(Base + Data));
        Assert.Equal(500UL, bench.ReadMmio(Base + Load));
        Assert.False(bench.Line(2).IsAsserted);
        Advance(5);
        Assert.True(bench.Line(2).IsAsserted);
        Assert.True(other.SaveState().InterruptRaised);
    }

    [Fact]
    public void LoadState_AlarmPassedMeanwhile_Interrupts()
    {
        Write(Match, Start + 10);
        Write(Mask, 1);
        RealTimeClockPl031State state = _clock.SaveState();
        using var other = new RealTimeClockPl031 { TimeProvider = _bench.Time };
        Advance(60);

        other.LoadState(state);

        Assert.True(other.SaveState().InterruptRaised);
    }

    [Fact]
    public void Dispose_Alarm_StopsItsTimer()
    {
        Write(Mask, 1);
        Write(Match, Start + 10);

        _clock.Dispose();

        Assert.Equal(0, _bench.Time.ActiveTimers);
    }

    private void Advance(double seconds) => _bench.Time.Advance(TimeSpan.FromSeconds(seconds));

    private uint Read(ulong register) => (uint)_bench.ReadMmio(Base + register);

    private void Write(ulong register, uint value) => _bench.WriteMmio(Base + register, value);
}
