namespace HvSdk.Backends;

/// <summary>A waitable of the host that a guest's write sets (doorbell) or whose setting raises an interrupt (trigger). Any thread may call.</summary>
public abstract class HostEvent : IDisposable
{
    /// <summary>Sets the event. Nothing happens once it is disposed of.</summary>
    public abstract void Signal();

    /// <summary>Waits until the event is set, and resets it.</summary>
    /// <param name="timeout">How long at most, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True where it was set, false where the time has passed.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The event was disposed of, before or during the wait.</exception>
    public abstract bool Wait(TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Unregisters the event from the host, ends all waits and gives it back. May be called more than once.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The backend's part of <see cref="Dispose()"/>.</summary>
    /// <param name="disposing">Always true: events have no finalizer; their handles do.</param>
    protected abstract void Dispose(bool disposing);
}
