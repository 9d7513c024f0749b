namespace HvSdk.Devices.Emulated.Serial;

/// <summary>The timeout of a UART's receiver: characters wait, and nothing has happened to them for a while.</summary>
/// <remarks>Members are called with the UART's lock held.</remarks>
/// <param name="gate">The UART's lock.</param>
/// <param name="time">The UART's time.</param>
/// <param name="lookAgain">Called, with the lock held, when the time may be over; not after <see cref="Dispose"/>.</param>
internal sealed class ReceiverTimeout(Lock gate, Func<TimeProvider> time, Action lookAgain) : IDisposable
{
    private long _lastActivity;
    private bool _isScheduled;
    private bool _isDisposed;
    private ITimer? _timer;

    /// <summary>Something has happened: the time begins anew.</summary>
    internal void Restart() => _lastActivity = time().GetTimestamp();

    /// <summary>Nothing has happened for so long.</summary>
    internal bool HasElapsed(TimeSpan timeout) => time().GetElapsedTime(_lastActivity) >= timeout;

    /// <summary>Has the UART look again when the time is over. One timer that looks again when it goes off, rather than one that each character moves.</summary>
    internal void Schedule(TimeSpan timeout)
    {
        if (_isScheduled || _isDisposed)
        {
            return;
        }

        // Hosts' timers count milliseconds.
        TimeProvider now = time();
        double left = double.Ceiling((timeout - now.GetElapsedTime(_lastActivity)).TotalMilliseconds);
        _isScheduled = true;
        _timer ??= now.CreateTimer(static self => ((ReceiverTimeout)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(TimeSpan.FromMilliseconds(double.Max(left, 1)), Timeout.InfiniteTimeSpan);
    }

    /// <summary>The UART has ended.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _timer?.Dispose();
    }

    private void OnTimer()
    {
        lock (gate)
        {
            _isScheduled = false;
            if (!_isDisposed)
            {
                lookAgain();
            }
        }
    }
}
