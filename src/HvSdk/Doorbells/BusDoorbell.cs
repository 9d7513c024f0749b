using HvSdk.Backends;

namespace HvSdk;

/// <summary>A doorbell on a host that serves none: the bus rings it from the vCPU's exit.</summary>
internal sealed class BusDoorbell : HostEvent
{
    private readonly DeviceBus _bus;
    private readonly SemaphoreSlim _rung = new(0, 1);
    private readonly CancellationTokenSource _disposed = new();

    internal BusDoorbell(DeviceBus bus, DoorbellLocation location)
    {
        _bus = bus;
        Location = location;
    }

    internal DoorbellLocation Location { get; }

    public override void Signal()
    {
        // Rings gather: one that is not taken yet stands for this one too.
        lock (_rung)
        {
            if (_rung.CurrentCount == 0)
            {
                _rung.Release();
            }
        }
    }

    public override bool Wait(TimeSpan timeout, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed.IsCancellationRequested, typeof(Doorbell));
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
        try
        {
            return _rung.Wait(timeout, linked.Token);
        }
        catch (OperationCanceledException) when (_disposed.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(Doorbell));
        }
        catch (OperationCanceledException)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    protected override void Dispose(bool disposing)
    {
        // Neither is disposed of: a wait on another thread may still use them, and neither holds anything native.
        _disposed.Cancel();
        _bus.Remove(this);
    }
}
