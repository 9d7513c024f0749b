using HvSdk.Backends;

namespace HvSdk.Testing;

/// <summary>A waitable without a host.</summary>
internal class ScriptedEvent : HostEvent
{
    private readonly object _gate = new();
    private bool _set;
    private bool _disposed;

    public override void Signal()
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _set = true;
                OnSignal();
                Monitor.PulseAll(_gate);
            }
        }
    }

    public override bool Wait(TimeSpan timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state => ((ScriptedEvent)state!).Wake(), this);
        long start = Environment.TickCount64;
        lock (_gate)
        {
            while (true)
            {
                ObjectDisposedException.ThrowIf(_disposed, typeof(HostEvent));
                cancellationToken.ThrowIfCancellationRequested();
                if (_set)
                {
                    _set = false;
                    return true;
                }

                double remaining = timeout == Timeout.InfiniteTimeSpan ? -1 : double.Max(0, timeout.TotalMilliseconds - (Environment.TickCount64 - start));
                if (remaining == 0)
                {
                    return false;
                }

                Monitor.Wait(_gate, (int)double.Min(int.MaxValue, double.Ceiling(remaining)));
            }
        }
    }

    /// <summary>What a signal does, besides being waited for.</summary>
    protected virtual void OnSignal()
    {
    }

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            _disposed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Wake()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }
}

/// <summary>A trigger that records what it would have raised.</summary>
internal sealed class ScriptedTrigger : ScriptedEvent
{
    private readonly ScriptedPartition _partition;
    private MsiMessage _message;

    internal ScriptedTrigger(ScriptedPartition partition, int line, bool levelTriggered)
    {
        _partition = partition;
        Line = line;
        Acknowledged = levelTriggered ? new ScriptedEvent() : null;
        partition.Add(this);
    }

    internal ScriptedTrigger(ScriptedPartition partition, MsiMessage message)
    {
        _partition = partition;
        _message = message;
        partition.Add(this);
    }

    /// <summary>The line, or null where a message is sent.</summary>
    internal int? Line { get; }

    internal ScriptedEvent? Acknowledged { get; }

    internal void Update(MsiMessage message) => _message = Line is null
        ? message
        : throw new InvalidOperationException("The trigger belongs to a line; only a trigger for a message can be given another.");

    protected override void OnSignal()
    {
        if (Line is not { } line)
        {
            _partition.Send(_message);
            return;
        }

        _partition.SetLine(line, true);
        if (Acknowledged is null)
        {
            _partition.SetLine(line, false);
        }
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _partition.Remove(this);
    }
}
