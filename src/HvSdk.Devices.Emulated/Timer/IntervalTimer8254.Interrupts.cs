namespace HvSdk.Devices.Emulated;

/// <content>Writes, and the interrupts of counter 0. All with the lock held.</content>
public sealed partial class IntervalTimer8254
{
    // A host's timer may round down to its resolution and go off early; asked again with a full step of it, it does not.
    private static readonly TimeSpan s_hostResolution = TimeSpan.FromMilliseconds(1);

    private ITimer? _timer;
    private long _armedFor = TimerCounter.Never;
    private long _notBefore;
    private long _lateTicks;
    private bool _isAsserted;
    private bool _isDisposed;

    private long MinimumTicks => (long)(MinimumPeriod.TotalSeconds * 13_125_000 / 11);

    /// <summary>Stops the host's timer. The registers go on working, without interrupts.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _armedFor = TimerCounter.Never;
            _timer?.Dispose();
            _timer = null;
        }
    }

    private void Write(int register, byte value, long now)
    {
        if (register != ControlOffset)
        {
            WriteCounter(register, value, now);
            return;
        }

        int selected = value >> 6;
        if (selected == 3)
        {
            ReadBack(value, now);
        }
        else if ((value & 0x30) == 0)
        {
            Advance(selected, now);
            _counters[selected].LatchCount(now);
        }
        else
        {
            Advance(selected, now);
            if (selected == 0)
            {
                // What is late belongs to the old mode: one interrupt stands for all of it.
                TakeRises();
                bool isLate = _lateTicks > 0;
                _counters[0].WriteControl(value, now);
                _lateTicks = isLate ? 1 : 0;
                Service(now);
            }
            else
            {
                _counters[selected].WriteControl(value, now);
            }
        }
    }

    private void WriteCounter(int counter, byte value, long now)
    {
        Advance(counter, now);
        _counters[counter].Write(value, now);
        if (counter == 0)
        {
            Service(now);
        }
    }

    /// <summary>The read-back command: bits 3 to 1 select counters, a clear bit 5 latches the count, a clear bit 4 the status.</summary>
    private void ReadBack(byte value, long now)
    {
        for (int i = 0; i < _counters.Length; i++)
        {
            if ((value & (2 << i)) == 0)
            {
                continue;
            }

            Advance(i, now);
            if ((value & 0x20) == 0)
            {
                _counters[i].LatchCount(now);
            }

            if ((value & 0x10) == 0)
            {
                _counters[i].LatchStatus(now);
            }
        }
    }

    /// <summary>Raises at most one interrupt of those that are due, and sets the timer for what comes next.</summary>
    private void Service(long now)
    {
        TakeRises();
        if (_lateTicks > 0 && now >= _notBefore)
        {
            SetOutput(false);
            SetOutput(true);
            bool isTooFast = _counters[0].IsPeriodic && _counters[0].Reload < MinimumTicks;
            _lateTicks = LateTickPolicy == LateTickPolicy.Discard || isTooFast ? 0 : long.Min(_lateTicks - 1, LateTickLimit);
            _notBefore = now + (_lateTicks > 0 ? long.Max(MinimumTicks, _counters[0].Reload / 2) : MinimumTicks);
        }

        if (_lateTicks == 0 && !_counters[0].OutputAt(now))
        {
            SetOutput(false);
        }

        Arm(now);
    }

    private void TakeRises() => _lateTicks = long.Min(_lateTicks + _counters[0].TakeRises(), LateTickLimit + 1L);

    private void SetOutput(bool asserted)
    {
        if (asserted != _isAsserted)
        {
            _isAsserted = asserted;
            _output?.Set(asserted);
        }
    }

    private void Arm(long now)
    {
        long due = _lateTicks > 0 ? _notBefore : long.Max(_counters[0].NextRise(now), _notBefore);
        if (due == _armedFor || _isDisposed)
        {
            return;
        }

        _armedFor = due;
        TimeSpan delay = due == TimerCounter.Never ? Timeout.InfiniteTimeSpan : _clock.Until(due);
        if (_timer is not null)
        {
            _timer.Change(delay, Timeout.InfiniteTimeSpan);
        }
        else if (due != TimerCounter.Never)
        {
            _timer = _clock.CreateTimer(static state => ((IntervalTimer8254)state!).OnTimer(), this, delay);
        }
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            if (_isDisposed || _armedFor == TimerCounter.Never)
            {
                return;
            }

            long now = _clock.Now;
            if (now < _armedFor)
            {
                TimeSpan left = _clock.Until(_armedFor);
                _timer!.Change(left < s_hostResolution ? s_hostResolution : left, Timeout.InfiniteTimeSpan);
                return;
            }

            _armedFor = TimerCounter.Never;
            Advance(0, now);
            Service(now);
        }
    }
}
