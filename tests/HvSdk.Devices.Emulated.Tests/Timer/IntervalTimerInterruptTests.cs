using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>Interrupts of counter 0, the host's timers behind them, and the timer's state.</summary>
public sealed class IntervalTimerInterruptTests
{
    private const long SecondOfTicks = 1_193_182;

    [Fact]
    public void Timer_UntilTheGuestPrograms_DoesNotRun()
    {
        var bench = new TimerBench();

        bench.Read(0);
        bench.Gate2(true);
        bench.Program(2, 2, 100);
        bench.Program(1, 2, 100);

        Assert.Equal(0, bench.Time.ActiveTimers);
    }

    [Fact]
    public void Mode0_Expired_InterruptsOnce()
    {
        var bench = new TimerBench();
        bench.Program(0, 0, 1000);
        bench.Tick(1000);
        Assert.Equal(0, bench.Line.Edges);

        bench.Tick(1);
        Assert.True(bench.Line.IsAsserted);
        bench.Tick(200_000);

        Assert.Equal(1, bench.Line.Edges);
        Assert.Equal(0, bench.Time.ActiveTimers);
    }

    [Fact]
    public void Mode4_Expired_InterruptsOnceAtTheEndOfTheStrobe()
    {
        var bench = new TimerBench();
        bench.Program(0, 4, 1000);
        bench.Tick(1001);
        Assert.Equal(0, bench.Line.Edges);

        bench.Tick(1);

        Assert.Equal(1, bench.Line.Edges);
        Assert.Equal(0, bench.Time.ActiveTimers);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void TriggeredModes_WithoutAGateThatRises_NeverInterrupt(int mode)
    {
        var bench = new TimerBench();
        bench.Program(0, mode, 1000);

        bench.Tick(200_000);

        Assert.Equal(0, bench.Line.Edges);
        Assert.Equal(0, bench.Time.ActiveTimers);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void PeriodicModes_After10000Periods_HaveNotDrifted(int mode)
    {
        var bench = new TimerBench();
        bench.Program(0, mode, 1193); // just under 1 ms, and no multiple of 100 ns

        bench.Tick((1193 * 10_000L) + 1);

        Assert.Equal(10_000, bench.Line.Edges);
        bench.Tick(1192);
        Assert.Equal(10_000, bench.Line.Edges);
        bench.Tick(1);
        Assert.Equal(10_001, bench.Line.Edges);
    }

    [Fact]
    public void Count_RewrittenWhileRunning_TakesEffectAtTheEndOfTheCycle()
    {
        var bench = new TimerBench();
        bench.Program(0, 2, 10_000);
        bench.Tick(5_000);

        bench.Write(0, 0xD0); // 2000
        bench.Write(0, 0x07);
        bench.Tick(5_001);
        Assert.Equal(1, bench.Line.Edges);
        bench.Tick(2_000);

        Assert.Equal(2, bench.Line.Edges);
    }

    [Fact]
    public void ControlWord_OfMode0_StopsThePeriod()
    {
        var bench = new TimerBench();
        bench.Program(0, 2, 10_000);
        bench.Tick(10_001);

        bench.Control(0x30);
        Assert.False(bench.Line.IsAsserted);
        bench.Tick(SecondOfTicks);

        Assert.Equal(1, bench.Line.Edges);
        Assert.Equal(0, bench.Time.ActiveTimers);
    }

    [Fact]
    public void ControlWord_ThatPutsOutHigh_IsARise()
    {
        var bench = new TimerBench();
        bench.Control(0x30);
        bench.Tick(SecondOfTicks);

        bench.Control(0x34);

        Assert.Equal(1, bench.Line.Edges);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    [InlineData(3, 3)]
    public void TinyCounts_InPeriodicModes_AreBoundedByTheMinimumPeriod(int mode, int count)
    {
        var bench = new TimerBench(new IntervalTimer8254 { MinimumPeriod = TimeSpan.FromMilliseconds(1) });
        bench.Program(0, mode, count);

        bench.Time.Advance(TimeSpan.FromMilliseconds(100));

        Assert.InRange(bench.Line.Edges, count == 1 ? 0 : 95, count == 1 ? 0 : 101);
    }

    [Fact]
    public void OneShots_InSuccession_AreBoundedByTheMinimumPeriod()
    {
        var bench = new TimerBench();
        for (int i = 0; i < 1000; i++)
        {
            bench.Program(0, 4, 1);
            bench.Tick(10);
        }

        Assert.InRange(bench.Line.Edges, 1, 44);
    }

    [Fact]
    public void LateTicks_WithCatchUp_AreMadeUpForAtTwiceThePace()
    {
        var time = new LateTimeProvider();
        var line = new RecordingLine();
        using var timer = new IntervalTimer8254(time, line);
        Program(timer, 11_932); // 10 ms

        time.Advance(TimeSpan.FromMilliseconds(65));
        time.Fire();
        Assert.Equal(1, line.Edges);
        Assert.InRange(time.Due, TimeSpan.FromMilliseconds(4.9), TimeSpan.FromMilliseconds(5.1));
        for (int i = 0; i < 20; i++)
        {
            time.Advance(time.Due);
            time.Fire();
        }

        // 6 were due at 65 ms; since then one each 10 ms. 165 ms have 16.
        long milliseconds = time.GetTimestamp() / TimeSpan.TicksPerMillisecond;
        Assert.Equal(milliseconds / 10, line.Edges);
    }

    [Fact]
    public void LateTicks_BeyondTheLimit_AreDropped()
    {
        var time = new LateTimeProvider();
        var line = new RecordingLine();
        using var timer = new IntervalTimer8254(time, line) { LateTickLimit = 3 };
        Program(timer, 11_932);

        time.Advance(TimeSpan.FromSeconds(10.005));
        time.Fire();
        Assert.Equal(3, timer.SaveState().LateTicks);
        for (int i = 0; i < 3; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(5.1));
            time.Fire();
        }

        Assert.Equal(4, line.Edges);
    }

    [Fact]
    public void LateTicks_WithDiscard_AreLost()
    {
        var time = new LateTimeProvider();
        var line = new RecordingLine();
        using var timer = new IntervalTimer8254(time, line) { LateTickPolicy = LateTickPolicy.Discard };
        Program(timer, 11_932);

        time.Advance(TimeSpan.FromMilliseconds(65));
        time.Fire();

        Assert.Equal(1, line.Edges);
        Assert.InRange(time.Due, TimeSpan.FromMilliseconds(4.9), TimeSpan.FromMilliseconds(5.1)); // the next of the period, at 70 ms
        Assert.Equal(0, timer.SaveState().LateTicks);
    }

    [Fact]
    public void HostTimer_ThatGoesOffEarly_IsAskedAgainForAtLeastAMillisecond()
    {
        var time = new LateTimeProvider();
        var line = new RecordingLine();
        using var timer = new IntervalTimer8254(time, line);
        Program(timer, 11_932);

        time.Advance(TimeSpan.FromMilliseconds(9.9));
        time.Fire();

        Assert.Equal(0, line.Edges);
        Assert.Equal(TimeSpan.FromMilliseconds(1), time.Due);
    }

    [Fact]
    public void Mode2_WithTheHostsTime_TicksAndNeverAheadOfIt()
    {
        const int ticks = 50;
        var line = new RecordingLine();
        using var timer = new IntervalTimer8254(TimeProvider.System, line);
        long start = TimeProvider.System.GetTimestamp();
        Program(timer, 2_386); // 2 ms

        bool hasTicked = SpinWait.SpinUntil(() => line.Edges >= ticks, TimeSpan.FromSeconds(30));

        int edges = line.Edges;
        double milliseconds = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
        Assert.True(hasTicked, $"{edges} of {ticks} ticks of 2 ms after {milliseconds} ms.");
        Assert.True(edges <= milliseconds / 1.999, $"{edges} ticks of 2 ms after {milliseconds} ms.");
    }

    [Fact]
    public void Dispose_OfRunningTimer_StopsTheHostsTimer()
    {
        var bench = new TimerBench();
        bench.Program(0, 2, 1000);
        Assert.Equal(1, bench.Time.ActiveTimers);

        bench.Timer.Dispose();
        bench.Program(0, 2, 1000);
        bench.Tick(10_000);

        Assert.Equal(0, bench.Time.ActiveTimers);
        Assert.Equal(0, bench.Line.Edges);
    }

    [Fact]
    public void State_LoadedIntoAnother_GoesOn()
    {
        var bench = new TimerBench();
        bench.Program(0, 2, 10_000);
        bench.Gate2(true);
        bench.Program(2, 0, 20_000);
        bench.Program(1, 3, 0x1234, bcd: true);
        bench.Tick(4_001);
        bench.Gate2(false);
        var other = new TimerBench();

        IntervalTimerState state = bench.Timer.SaveState();
        other.Timer.LoadState(state);

        Assert.Equivalent(state, other.Timer.SaveState(), strict: true);
        Assert.Equal(16_000, other.Read(2));
        Assert.Equal(bench.Read(1), other.Read(1));
        other.Tick(5_999);
        Assert.Equal(0, other.Line.Edges);
        other.Tick(2);
        Assert.Equal(1, other.Line.Edges);
    }

    [Fact]
    public void State_OfInterruptThatIsDue_IsNotLost()
    {
        var time = new LateTimeProvider();
        using var late = new IntervalTimer8254(time) { LateTickLimit = 0 };
        late.CounterPorts.Write(3, [0x30]);
        late.CounterPorts.Write(0, [100]);
        late.CounterPorts.Write(0, [0]);
        time.Advance(TimeSpan.FromMilliseconds(1)); // it is due, and the host's timer has not gone off
        var other = new TimerBench();

        other.Timer.LoadState(late.SaveState());
        other.Tick(1);

        Assert.Equal(1, other.Line.Edges);
    }

    [Fact]
    public void LoadState_OfCounterWithoutACount_NamesTheField()
    {
        var timer = new IntervalTimer8254();
        IntervalTimerState state = timer.SaveState();
        TimerCounterState[] counters = [state.Counters[0], state.Counters[1] with { IsCounting = true }, state.Counters[2]];

        var exception = Assert.ThrowsAny<ArgumentException>(() => timer.LoadState(state with { Counters = counters }));

        Assert.Contains("Counters[1].Count is 0; it is 1 to 65536", exception.Message, StringComparison.Ordinal);
    }

    private static void Program(IntervalTimer8254 timer, int count)
    {
        timer.CounterPorts.Write(3, [0x34]);
        timer.CounterPorts.Write(0, [(byte)count]);
        timer.CounterPorts.Write(0, [(byte)(count >> 8)]);
    }

    /// <summary>A host whose only timer goes off when the test says so.</summary>
    private sealed class LateTimeProvider : TimeProvider
    {
        private long _now;
        private TimerCallback? _callback;
        private object? _state;

        public TimeSpan Due { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;

        public void Fire() => _callback!(_state);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            (_callback, _state, Due) = (callback, state, dueTime);
            return new Handle(this);
        }

        private sealed class Handle(LateTimeProvider owner) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                owner.Due = dueTime;
                return true;
            }

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
