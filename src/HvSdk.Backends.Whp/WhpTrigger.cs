namespace HvSdk.Backends.Whp;

/// <summary>Raises a line or sends a message.</summary>
/// <remarks>Its signal goes to the platform at once: there is nobody on Windows' side who would wait for it.</remarks>
internal sealed class WhpTrigger(WhpInterruptLines lines, int line, MsiMessage message, WhpEvent? acknowledged) : HostEvent
{
    private readonly object _gate = new();
    private MsiMessage _message = message;
    private volatile bool _disposed;

    /// <summary>The line, or -1 for a message.</summary>
    internal int Line => line;

    internal WhpEvent? Acknowledged => acknowledged;

    internal MsiMessage Message
    {
        get
        {
            lock (_gate)
            {
                return _message;
            }
        }

        set
        {
            lock (_gate)
            {
                _message = value;
            }
        }
    }

    public override void Signal()
    {
        // Under the gate, so that nothing is sent once Dispose has returned: the partition goes after it.
        lock (_gate)
        {
            if (!_disposed)
            {
                lines.Fire(this);
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

        lines.Remove(this);
    }
}
