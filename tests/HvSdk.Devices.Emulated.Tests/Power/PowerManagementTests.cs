using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>The fixed hardware of ACPI (ACPI 6.5, 4.8).</summary>
public sealed class PowerManagementTests : IDisposable
{
    private const ushort Status = 0x600;
    private const ushort Enable = 0x602;
    private const ushort Control = 0x604;
    private const ushort Timer = 0x608;
    private const ushort EventStatus = 0x620;
    private const ushort EventEnable = 0x622;

    private readonly DeviceBench _bench = new();
    private readonly PowerManagement _power = new();

    public PowerManagementTests()
    {
        _bench.Attach(_power);
    }

    public void Dispose() => _power.Dispose();

    private RecordingLine Sci => _bench.Line(9);

    [Fact]
    public void Attach_OnBench_TakesPortsAndLevelLine()
    {
        Assert.Equal(
            [
                new(BusSpace.Ports, 0x600, 4), new(BusSpace.Ports, 0x604, 2), new(BusSpace.Ports, 0x608, 4),
                new DeviceWindow(BusSpace.Ports, 0x620, 4),
            ],
            _bench.Description.Windows);
        Assert.Equal([new DeviceLine(9, InterruptSense.Level)], _bench.Description.Lines);
        Assert.Equal(16, _power.GeneralPurposeEventCount);
    }

    [Fact]
    public void Attach_WithoutTimerAndEvents_TakesTheRest()
    {
        var bench = new DeviceBench();

        bench.Attach(new PowerManagement { TimerPort = null, GeneralPurposeEventPort = null });

        Assert.Equal(2, bench.Description.Windows.Count);
    }

    [Fact]
    public void PowerButton_Enabled_AssertsTheInterruptUntilCleared()
    {
        _bench.WritePort(Enable, 0x100, 2);
        _power.PressPowerButton();
        Assert.True(Sci.IsAsserted);
        Assert.Equal(0x100UL, _bench.ReadPort(Status, 2));

        _bench.WritePort(Status, 0, 2);
        Assert.True(Sci.IsAsserted, "Only a one clears.");
        _bench.WritePort(Status, 0x100, 2);

        Assert.False(Sci.IsAsserted);
        Assert.Equal(0UL, _bench.ReadPort(Status, 2));
    }

    [Fact]
    public void PowerButton_BeforeItIsEnabled_WaitsInTheStatus()
    {
        _power.PressPowerButton();
        Assert.False(Sci.IsAsserted);

        _bench.WritePort(Enable, 0x100, 2);

        Assert.True(Sci.IsAsserted);
    }

    [Fact]
    public void SleepButton_Pressed_SetsItsBit()
    {
        _power.PressSleepButton();

        Assert.Equal(0x200UL, _bench.ReadPort(Status, 2));
    }

    [Fact]
    public void RtcAlarm_OfEdge_SetsItsBitOnce()
    {
        _bench.WritePort(Enable, 0x400, 2);
        _power.RtcAlarm.Set(true);
        Assert.True(Sci.IsAsserted);
        _bench.WritePort(Status, 0x400, 2);

        _power.RtcAlarm.Set(true);

        Assert.Equal(0UL, _bench.ReadPort(Status, 2));
        Assert.False(Sci.IsAsserted);
    }

    [Fact]
    public void Enable_OfAllOnes_KeepsTheDefinedBits()
    {
        _bench.WritePort(Enable, 0xFFFF, 2);

        Assert.Equal(0x0721UL, _bench.ReadPort(Enable, 2));
    }

    [Fact]
    public void EventBlock_ByBytes_IsTheSameRegisters()
    {
        _power.PressPowerButton();
        _bench.WritePort(Enable + 1, 0x01);

        Assert.Equal(0x0100_0100UL, _bench.ReadPort(Status, 4));
        _bench.WritePort(Status + 1, 0x01);

        Assert.Equal(0x0100_0000UL, _bench.ReadPort(Status, 4));
    }

    [Fact]
    public void Control_Written_HasSciEnableHardwired()
    {
        Assert.Equal(1UL, _bench.ReadPort(Control, 2));

        _bench.WritePort(Control, 0, 2);

        Assert.Equal(1UL, _bench.ReadPort(Control, 2));
    }

    [Fact]
    public void Control_Written_KeepsSleepTypeAndNotSleepEnable()
    {
        _bench.WritePort(Control, 0x3C02 & ~(7 << 10) | (3 << 10), 2);

        Assert.Equal(0x0C03UL, _bench.ReadPort(Control, 2));
        Assert.Empty(_bench.Machine.Requests);
    }

    [Fact]
    public void SleepEnable_WithTheTypeOfSoftOff_SwitchesOff()
    {
        _bench.WritePort(Control, 5 << 10, 2);
        Assert.Empty(_bench.Machine.Requests);

        _bench.WritePort(Control, (5 << 10) | (1 << 13), 2);

        Assert.Equal(["PowerOff"], _bench.Machine.Requests);
    }

    [Fact]
    public void SleepEnable_ByItsByte_SwitchesOff()
    {
        _bench.WritePort(Control + 1, ((5 << 10) | (1 << 13)) >> 8);

        Assert.Equal(["PowerOff"], _bench.Machine.Requests);
    }

    [Fact]
    public void Timer_InTime_RunsAt3579545Hz()
    {
        Assert.Equal(0UL, _bench.ReadPort(Timer, 4));

        _bench.Time.Advance(TimeSpan.FromSeconds(1000));

        Assert.Equal(3_579_545_454UL, _bench.ReadPort(Timer, 4)); // 315/88 MHz
    }

    [Fact]
    public void Timer_Written_StaysAsItIs()
    {
        _bench.WritePort(Timer, 0x1234, 4);

        Assert.Equal(0UL, _bench.ReadPort(Timer, 4));
    }

    [Fact]
    public void Timer_Of24Bits_WrapsThere()
    {
        var bench = new DeviceBench();
        bench.Attach(new PowerManagement { TimerBits = 24 });

        bench.Time.Advance(TimeSpan.FromSeconds(5)); // it wraps after 4.69 s

        Assert.Equal(17_897_727UL - 0x100_0000, bench.ReadPort(Timer, 4));
    }

    [Theory]
    [InlineData(24, 2.4)]
    [InlineData(32, 600.0)]
    public void TimerStatus_OfChangeOfTheHighestBit_IsSet(int bits, double seconds)
    {
        var bench = new DeviceBench();
        bench.Attach(new PowerManagement { TimerBits = bits });
        bench.Time.Advance(TimeSpan.FromSeconds(seconds * 0.9));
        Assert.Equal(0UL, bench.ReadPort(Status, 2));

        bench.Time.Advance(TimeSpan.FromSeconds(seconds * 0.1));
        Assert.Equal(1UL, bench.ReadPort(Status, 2));
        bench.WritePort(Status, 1, 2);
        Assert.Equal(0UL, bench.ReadPort(Status, 2));
        bench.Time.Advance(TimeSpan.FromSeconds(seconds)); // and back to zero

        Assert.Equal(1UL, bench.ReadPort(Status, 2));
    }

    [Fact]
    public void TimerInterrupt_Enabled_ComesByAHostTimerThatRunsOnlyThen()
    {
        var bench = new DeviceBench();
        using var power = new PowerManagement { TimerBits = 24 };
        bench.Attach(power);
        Assert.Equal(0, bench.Time.ActiveTimers);

        bench.WritePort(Enable, 1, 2);
        Assert.Equal(1, bench.Time.ActiveTimers);
        bench.Time.Advance(TimeSpan.FromSeconds(2.4));
        Assert.True(bench.Line(9).IsAsserted);
        Assert.Equal(0, bench.Time.ActiveTimers);
        bench.WritePort(Status, 1, 2);
        Assert.False(bench.Line(9).IsAsserted);
        Assert.Equal(1, bench.Time.ActiveTimers);
        bench.WritePort(Enable, 0, 2);

        Assert.Equal(0, bench.Time.ActiveTimers);
    }

    [Fact]
    public void Dispose_WithTimerInterrupt_StopsTheHostsTimer()
    {
        _bench.WritePort(Enable, 1, 2);

        _power.Dispose();
        _bench.WritePort(Enable, 0, 2);
        _bench.WritePort(Enable, 1, 2);

        Assert.Equal(0, _bench.Time.ActiveTimers);
    }

    [Fact]
    public void Event_OfEdge_SetsItsStatus()
    {
        _bench.WritePort(EventEnable, 0x0200, 2);

        _power.GetEvent(9).Set(true);
        Assert.Equal(0x0200UL, _bench.ReadPort(EventStatus, 2));
        Assert.True(Sci.IsAsserted);
        _bench.WritePort(EventStatus, 0x0200, 2);
        Assert.False(Sci.IsAsserted);
        _power.GetEvent(9).Set(true);
        Assert.False(Sci.IsAsserted);
        _power.GetEvent(9).Set(false);
        _power.GetEvent(9).Set(true);

        Assert.True(Sci.IsAsserted);
    }

    [Fact]
    public void Event_NotEnabled_DoesNotInterrupt()
    {
        _power.GetEvent(0).Set(true);

        Assert.False(Sci.IsAsserted);
        Assert.Equal(1UL, _bench.ReadPort(EventStatus, 4));
    }

    [Fact]
    public void Events_OfLargerBlock_AreAllThere()
    {
        var bench = new DeviceBench();
        var power = new PowerManagement { GeneralPurposeEventLength = 8 };
        bench.Attach(power);

        power.GetEvent(31).Set(true);

        Assert.Equal(0x8000_0000UL, bench.ReadPort(EventStatus, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => power.GetEvent(32));
    }

    [Fact]
    public void Properties_OutOfRange_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(static () => new PowerManagement { GeneralPurposeEventLength = 3 });
        Assert.Throws<ArgumentOutOfRangeException>(static () => new PowerManagement { TimerBits = 16 });
        Assert.Throws<ArgumentOutOfRangeException>(static () => new PowerManagement { SoftOffType = 8 });
    }

    [Fact]
    public void State_LoadedIntoAnother_GoesOn()
    {
        _bench.WritePort(Enable, 0x0101, 2);
        _bench.WritePort(EventEnable, 0x0400, 2);
        _bench.WritePort(Control, 3 << 10, 2);
        _power.GetEvent(10).Set(true);
        _bench.Time.Advance(TimeSpan.FromSeconds(700));
        var bench = new DeviceBench();
        using var other = new PowerManagement();
        bench.Attach(other);
        bench.Time.Advance(TimeSpan.FromSeconds(5));

        PowerManagementState state = _power.SaveState();
        other.LoadState(state);

        Assert.Equivalent(state, other.SaveState(), strict: true);
        Assert.True(bench.Line(9).IsAsserted);
        Assert.Equal(_bench.ReadPort(Timer, 4), bench.ReadPort(Timer, 4));
    }

    [Fact]
    public void LoadState_OfOtherEventCount_NamesTheField()
    {
        PowerManagementState state = _power.SaveState() with { EventEnable = [1] };

        var exception = Assert.ThrowsAny<ArgumentException>(() => _power.LoadState(state));

        Assert.Contains("EventEnable has 1 elements; it has 2", exception.Message, StringComparison.Ordinal);
    }
}
