namespace HvSdk.Backends.Hvf;

/// <summary>Raises a line as an edge, or sends a message, at once.</summary>
internal sealed class HvfTrigger(HvfPartition partition, int line, MsiMessage message) : HostEvent
{
    internal const int NoLine = -1;

    private readonly object _gate = new();
    private MsiMessage _message = message;
    private bool _disposed;

    internal int Line => line;

    internal void SetMessage(MsiMessage message)
    {
        lock (_gate)
        {
            _message = message;
        }
    }

    public override void Signal()
    {
        // Under the gate, so that nothing is sent once Dispose has returned: the partition goes after it.
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            if (line == NoLine)
            {
                partition.SendMsi(_message);
            }
            else
            {
                partition.SetInterruptLine(line, true);
                partition.SetInterruptLine(line, false);
            }
        }
    }

    public override bool Wait(TimeSpan timeout, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("A trigger is signalled by its owner and waited for by the guest.");

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            _disposed = true;
        }
    }
}
