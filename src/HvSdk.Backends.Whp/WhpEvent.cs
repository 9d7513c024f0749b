using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>An event of the system as a waitable: a doorbell that the platform sets, or an acknowledgement that the backend sets.</summary>
internal sealed class WhpEvent : HostEvent
{
    private readonly EventWaitHandle _event = new(false, EventResetMode.AutoReset);
    private readonly ManualResetEvent _gone = new(false);
    private readonly WaitHandle[] _handles;
    private readonly Action? _unregister;
    private volatile bool _disposing;

    private WhpEvent(Action<WhpEvent>? register, Action? unregister)
    {
        _handles = [_gone, _event];
        register?.Invoke(this);
        _unregister = unregister;
    }

    internal static WhpEvent Create(Action? unregister = null) => new(null, unregister);

    /// <summary>A doorbell, registered with the platform until it is disposed of.</summary>
    internal static WhpEvent CreateDoorbell(WhvPartition partition, WHV_DOORBELL_MATCH_DATA match) => new(
        doorbell => WhpError.Check(
            Register(partition, match, doorbell._event.SafeWaitHandle.DangerousGetHandle()), nameof(WhvFunctions.WHvRegisterPartitionDoorbellEvent)),
        () => WhpError.Check(Unregister(partition, match), nameof(WhvFunctions.WHvUnregisterPartitionDoorbellEvent)));

    public override void Signal()
    {
        try
        {
            _event.Set();
        }
        catch (ObjectDisposedException)
        {
            // Disposed of meanwhile: nobody is left to hear it.
        }
    }

    public override bool Wait(TimeSpan timeout, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        int index;
        try
        {
            // Rung already, mostly: nothing is allocated then.
            ObjectDisposedException.ThrowIf(_disposing, typeof(HostEvent));
            if (_event.WaitOne(0))
            {
                return true;
            }

            if (timeout == TimeSpan.Zero)
            {
                return false;
            }

            WaitHandle[] handles = cancellationToken.CanBeCanceled ? [_gone, cancellationToken.WaitHandle, _event] : _handles;
            index = WaitHandle.WaitAny(handles, timeout);
            if (index == WaitHandle.WaitTimeout)
            {
                return false;
            }

            index = index == handles.Length - 1 ? 2 : index;
        }
        catch (ObjectDisposedException)
        {
            index = 0;
        }

        cancellationToken.ThrowIfCancellationRequested();
        return index == 2 ? true : throw new ObjectDisposedException(nameof(HostEvent), "The event was disposed of while a thread waited for it.");
    }

    protected override void Dispose(bool disposing)
    {
        // Once, whoever else disposes of it at the same time: the platform refuses to unregister what it does not know.
        if (Interlocked.Exchange(ref _disposing, true))
        {
            return;
        }

        try
        {
            _unregister?.Invoke();
        }
        finally
        {
            // Ends all waits. This handle is left to its finalizer: a wait on another thread may still look at it.
            _gone.Set();
            _event.Dispose();
        }
    }

    // SAFETY (both): the platform copies what it is shown; the event's handle stays open until the doorbell is unregistered.
    private static unsafe int Register(WhvPartition partition, WHV_DOORBELL_MATCH_DATA match, nint handle) =>
        partition.Functions.WHvRegisterPartitionDoorbellEvent(partition.Number, &match, handle);

    private static unsafe int Unregister(WhvPartition partition, WHV_DOORBELL_MATCH_DATA match) =>
        partition.Functions.WHvUnregisterPartitionDoorbellEvent(partition.Number, &match);
}
