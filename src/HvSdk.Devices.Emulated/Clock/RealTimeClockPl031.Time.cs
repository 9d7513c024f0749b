namespace HvSdk.Devices.Emulated;

// The counter: how it runs, and what happens as it does.
public sealed partial class RealTimeClockPl031
{
    /// <summary>A timer is set for an hour at most: the host's time may be set, and timers do not follow it.</summary>
    private static readonly TimeSpan s_longestWait = TimeSpan.FromHours(1);

    /// <summary>How far the guest's counter is ahead of the host's seconds, modulo 2^32.</summary>
    private uint _offset;

    /// <summary>The counter up to which it has been compared.</summary>
    private uint _seen;
    private bool _hasSeen;
    private ITimer? _timer;

    private uint Counter => unchecked((uint)TimeProvider.GetUtcNow().ToUnixTimeSeconds() + _offset);

    /// <summary>Brings the clock up to now; the match counts that lies between the last look and this one.</summary>
    private void CatchUp()
    {
        uint now = Counter;
        uint passed = unchecked(now - _seen);
        uint untilMatch = unchecked(_match - _seen);

        // More than half the circle ahead is behind: the host's time was set back, and nothing has passed.
        if (_hasSeen && passed <= int.MaxValue && untilMatch != 0 && untilMatch <= passed)
        {
            _isRaised = true;
        }

        _seen = now;
        _hasSeen = true;
    }

    private void SetCounter(uint value)
    {
        _offset = unchecked(_offset + (value - Counter));
        _seen = value;
    }

    /// <summary>The guest made the two equal itself.</summary>
    private void CompareNow() => _isRaised |= _match == _seen;

    /// <summary>Sets the timer where the match would interrupt; what does not interrupt is found out when the guest looks.</summary>
    private void Schedule()
    {
        if (!_isEnabled || _isRaised || _isDisposed)
        {
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }

        // Hosts' timers count whole milliseconds and cut off the rest: one too early would go off many times in vain.
        long part = TimeProvider.GetUtcNow().UtcTicks % TimeSpan.TicksPerSecond;
        long seconds = unchecked(_match - _seen - 1); // 0 stands for the whole circle: the counter has just passed the match
        double milliseconds = double.Ceiling(TimeSpan.FromTicks((seconds * TimeSpan.TicksPerSecond) + TimeSpan.TicksPerSecond - part).TotalMilliseconds);
        _timer ??= TimeProvider.CreateTimer(static self => ((RealTimeClockPl031)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(TimeSpan.FromMilliseconds(double.Min(milliseconds, s_longestWait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
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
