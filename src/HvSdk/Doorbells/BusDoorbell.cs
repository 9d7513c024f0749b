using System.Diagnostics;
using HvSdk.Backends;

namespace HvSdk;

/// <summary>A doorbell on a host that serves none: the bus rings it from the vCPU's exit. Waits allocate nothing.</summary>
internal sealed class BusDoorbell : HostEvent
{
    private readonly DeviceBus _bus;
    private readonly object _gate = new();
    private bool _isRung;
    private bool _isDisposed;

    internal BusDoorbell(DeviceBus bus, DoorbellLocation location)
    {
        _bus = bus;
        Location = location;
    }

    internal DoorbellLocation Location { get; }

    public override void Signal()
    {
        // Rings gather: one that is not taken yet stands for this one too. All waits look, since the first to wake may be one that was cancelled.
        lock (_gate)
        {
            _isRung = true;
            Monitor.PulseAll(_gate);
        }
    }

    public override bool Wait(TimeSpan timeout, CancellationToken cancellationToken)
    {
        // Registered outside of the gate: its callback takes it, and the end of the registration waits for the callback.
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static doorbell => ((BusDoorbell)doorbell!).WakeAll(), this);
        long start = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            while (true)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, typeof(Doorbell));
                cancellationToken.ThrowIfCancellationRequested();
                if (_isRung)
                {
                    _isRung = false;
                    return true;
                }

                if (!WaitForPulse(timeout, start))
                {
                    return false;
                }
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        WakeAll();
        _bus.Remove(this);
    }

    private void WakeAll()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits for what is left of the time; false where none is.</summary>
    private bool WaitForPulse(TimeSpan timeout, long start)
    {
        if (timeout == Timeout.InfiniteTimeSpan)
        {
            return Monitor.Wait(_gate);
        }

        TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
        if (left <= TimeSpan.Zero)
        {
            return false;
        }

        // At least a millisecond, since less would not wait at all. Whatever ends the wait, the caller looks again.
        Monitor.Wait(_gate, (int)double.Clamp(double.Ceiling(left.TotalMilliseconds), 1, int.MaxValue));
        return true;
    }
}
