using HvSdk.Devices.Emulated.Clock;
using static HvSdk.Devices.Emulated.Clock.ClockBits;

namespace HvSdk.Devices.Emulated;

// The time: how it runs, and what happens as it does.
public sealed partial class CmosClock
{
    private const long TicksPerSecond = TimeSpan.TicksPerSecond;

    /// <summary>UIP goes up 244 microseconds before the update (t BUC, data sheet, figure 16).</summary>
    private const long UpdateWarningTicks = 244 * TimeSpan.TicksPerMicrosecond;

    /// <summary>The first update comes half a second after the divider is released (data sheet, register A: DV2 to DV0).</summary>
    private const long FirstUpdateTicks = TicksPerSecond / 2;

    private const int DividerFrequency = 32_768;

    /// <summary>How far the guest's time is ahead of the host's.</summary>
    private long _offset;
    private int _dayOfWeekOffset;

    /// <summary>The second, counted from the year 1, up to which updates have been seen; -1: none yet.</summary>
    private long _lastUpdate = -1;

    /// <summary>When the current series of periods began, and how many of them have been seen.</summary>
    private long _periodStart;
    private long _periodsSeen;
    private ITimer? _timer;

    /// <summary>The divider is in reset (DV2 set: 11x), or in a test mode.</summary>
    private bool IsDividerHeld => (_memory[A] & DividerMask) > DividerNormal;

    private bool IsRunning => (_memory[B] & Set) == 0 && !IsDividerHeld;

    private bool IsUpdating => IsRunning && TicksPerSecond - (Now % TicksPerSecond) <= UpdateWarningTicks;

    /// <summary>The guest's time in ticks from the year 1.</summary>
    private long Now => long.Clamp(HostNow + _offset, 0, DateTime.MaxValue.Ticks);

    private long HostNow => UseLocalTime ? TimeProvider.GetLocalNow().DateTime.Ticks : TimeProvider.GetUtcNow().Ticks;

    /// <summary>The time between two periodic interrupts in units of the divider, or 0 (data sheet, table 5, 32.768 kHz).</summary>
    private int PeriodClocks => (_memory[A] & RateMask) switch
    {
        0 => 0,
        1 => 1 << 7, // the first two rates are those of 8 and 9
        2 => 1 << 8,
        int rate => 1 << (rate - 1),
    };

    private void EncodeNow()
    {
        var now = new DateTime(Now);
        CalendarCodec.Encode(_memory, _memory[B], now, ((int)now.DayOfWeek + _dayOfWeekOffset) % 7);
    }

    /// <summary>The guest's time is what its registers say; the part of the second that has passed stays.</summary>
    private void SetTime()
    {
        DateTime time = CalendarCodec.Decode(_memory, _memory[B]);
        int day = CalendarCodec.FromByte(_memory[WeekDay], _memory[B]) - 1;
        _dayOfWeekOffset = (((day - (int)time.DayOfWeek) % 7) + 7) % 7;
        long host = HostNow;
        long fraction = long.Clamp(host + _offset, 0, DateTime.MaxValue.Ticks) % TicksPerSecond;
        _offset = time.Ticks + fraction - host;
        _lastUpdate = time.Ticks / TicksPerSecond;
    }

    /// <summary>Sets the part of the second that has passed, so that the next update is half a second away.</summary>
    private void StartDivider()
    {
        long now = Now;
        _offset += FirstUpdateTicks - (now % TicksPerSecond);
    }

    /// <summary>Sets the flags for all that has happened since the last look.</summary>
    private void CatchUp()
    {
        int period = PeriodClocks;
        if (period != 0 && !IsDividerHeld)
        {
            long periods = PeriodsUntilNow(period);
            if (periods != _periodsSeen)
            {
                _periodsSeen = periods;
                _flags |= PeriodicFlag;
            }
        }

        if (!IsRunning)
        {
            return;
        }

        long second = Now / TicksPerSecond;
        long passed = second - _lastUpdate;
        if (_lastUpdate >= 0 && passed > 0)
        {
            _flags |= UpdateFlag;
            if (CalendarCodec.UntilAlarm(_memory, _memory[B], (int)(_lastUpdate % 86_400)) <= passed)
            {
                _flags |= AlarmFlag;
            }
        }

        _lastUpdate = second; // also back, where the host's clock was set back
    }

    private long PeriodsUntilNow(int period)
    {
        TimeSpan elapsed = TimeProvider.GetElapsedTime(_periodStart);
        return (long)((Int128)elapsed.Ticks * DividerFrequency / TicksPerSecond / period);
    }

    private void RestartPeriod()
    {
        _periodStart = TimeProvider.GetTimestamp();
        _periodsSeen = 0;
    }

    /// <summary>Sets the timer to the next event that interrupts; what does not interrupt is found out when the guest looks.</summary>
    private void Schedule()
    {
        byte enabled = (byte)(_memory[B] & ~_flags);
        long next = long.MaxValue;
        int period = PeriodClocks;
        if ((enabled & PeriodicEnable) != 0 && period != 0 && !IsDividerHeld)
        {
            long due = (long)((Int128)(_periodsSeen + 1) * period * TicksPerSecond / DividerFrequency);
            next = long.Min(next, due - TimeProvider.GetElapsedTime(_periodStart).Ticks);
        }

        if (IsRunning)
        {
            long now = Now;
            long untilUpdate = TicksPerSecond - (now % TicksPerSecond);
            if ((enabled & UpdateEnable) != 0)
            {
                next = long.Min(next, untilUpdate);
            }

            if ((enabled & AlarmEnable) != 0
                && CalendarCodec.UntilAlarm(_memory, _memory[B], (int)(now / TicksPerSecond % 86_400)) is { } seconds)
            {
                next = long.Min(next, untilUpdate + ((seconds - 1) * TicksPerSecond));
            }
        }

        if (next == long.MaxValue || _isDisposed)
        {
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }

        // Hosts' timers count whole milliseconds and cut off the rest: one too early would go off many times in vain.
        long milliseconds = long.Max((next + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond, 1);
        _timer ??= TimeProvider.CreateTimer(static self => ((CmosClock)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                CatchUp();
                UpdateInterrupt();
            }
        }
    }
}
