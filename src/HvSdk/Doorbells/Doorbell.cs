using HvSdk.Backends;

namespace HvSdk;

/// <summary>Rung by a guest's write, waited for by a thread of the host: the vCPU goes on at once and takes no exit where the host can.</summary>
/// <remarks>Rings that nobody has waited for yet are one. Made by <see cref="Partition.CreateDoorbell"/>. Any thread may call; waits of several threads share the rings.</remarks>
public sealed class Doorbell : IDisposable
{
    private readonly Partition _partition;
    private readonly HostEvent _event;

    internal Doorbell(Partition partition, HostEvent @event, DoorbellLocation location)
    {
        _partition = partition;
        _event = @event;
        Location = location;
    }

    /// <summary>The write that rings it.</summary>
    public DoorbellLocation Location { get; }

    /// <summary>Waits until the doorbell is rung and takes the ring.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The doorbell was disposed of, before or during the wait.</exception>
    public void Wait(CancellationToken cancellationToken = default) => _event.Wait(Timeout.InfiniteTimeSpan, cancellationToken);

    /// <summary>Waits until the doorbell is rung, or a time has passed, and takes the ring.</summary>
    /// <param name="timeout">How long at most; <see cref="TimeSpan.Zero"/> asks and does not wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True where it was rung, false where the time has passed.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The doorbell was disposed of, before or during the wait.</exception>
    public bool Wait(TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        if (timeout < TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan)
        {
            throw new ArgumentOutOfRangeException(nameof(timeout), timeout, $"A wait is not negative. Use {nameof(Timeout)}.{nameof(Timeout.InfiniteTimeSpan)} for no limit.");
        }

        return _event.Wait(timeout, cancellationToken);
    }

    /// <summary>Rings the doorbell from the host: to give its worker something else to look at.</summary>
    public void Ring() => _event.Signal();

    /// <summary>Takes the doorbell away; waits end with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        _event.Dispose();
        _partition.Forget(this);
    }
}
