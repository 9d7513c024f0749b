using System.Diagnostics;
using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>An eventfd as a waitable: the guest's doorbell, or the host's interrupt trigger.</summary>
internal sealed class EventFd : HostEvent
{
    /// <summary>Wakes the waiting thread for its token; each thread has one, so that a wake-up never reaches another's wait.</summary>
    [ThreadStatic]
    private static SafeFd? t_wakeUp;

    private readonly SafeFd _descriptor = SafeFd.NewEvent();
    private bool _disposing;
    private volatile bool _disposed;

    internal SafeFd Descriptor => _descriptor;

    /// <summary>What takes the event off the partition.</summary>
    internal Action<EventFd>? Unregister { get; set; }

    /// <summary>The routed interrupt that the event raises, where it sends a message; -1 otherwise.</summary>
    internal int MessageLine { get; init; } = -1;

    public override void Signal()
    {
        if (!_disposed)
        {
            Add(_descriptor);
        }
    }

    public override bool Wait(TimeSpan timeout, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(HostEvent));
        cancellationToken.ThrowIfCancellationRequested();
        return cancellationToken.CanBeCanceled ? WaitWithToken(timeout, cancellationToken) : Wait(timeout, null, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        // Once, whoever else disposes of it at the same time: the kernel refuses to unregister what it does not know.
        if (Interlocked.Exchange(ref _disposing, true))
        {
            return;
        }

        try
        {
            Unregister?.Invoke(this);
        }
        finally
        {
            _disposed = true;

            // Wakes a waiter, who wakes the next; the descriptor is closed when the last of them has let go of it.
            Add(_descriptor);
            _descriptor.Dispose();
        }
    }

    private bool WaitWithToken(TimeSpan timeout, CancellationToken cancellationToken)
    {
        SafeFd wakeUp = t_wakeUp ??= SafeFd.NewEvent();
        using (cancellationToken.UnsafeRegister(static state => Add((SafeFd)state!), wakeUp))
        {
            try
            {
                return Wait(timeout, wakeUp, cancellationToken);
            }
            finally
            {
                TryTake(wakeUp);
            }
        }
    }

    private bool Wait(TimeSpan timeout, SafeFd? wakeUp, CancellationToken cancellationToken)
    {
        bool taken = false;
        try
        {
            _descriptor.DangerousAddRef(ref taken);
            long start = Stopwatch.GetTimestamp();
            while (true)
            {
                bool rung = TryTake(_descriptor);
                if (_disposed)
                {
                    Add(_descriptor);
                    throw new ObjectDisposedException(nameof(HostEvent), "The event was disposed of while a thread waited for it.");
                }

                if (rung)
                {
                    return true;
                }

                cancellationToken.ThrowIfCancellationRequested();
                int remaining = RemainingMilliseconds(timeout, start);
                if (remaining == 0)
                {
                    return false;
                }

                Poll(wakeUp, remaining);
            }
        }
        finally
        {
            if (taken)
            {
                _descriptor.DangerousRelease();
            }
        }
    }

    /// <summary>Milliseconds left, rounded up so that a wait never ends early; -1 for no limit, 0 for none left.</summary>
    private static int RemainingMilliseconds(TimeSpan timeout, long start)
    {
        if (timeout == Timeout.InfiniteTimeSpan)
        {
            return -1;
        }

        TimeSpan remaining = timeout - Stopwatch.GetElapsedTime(start);
        return remaining <= TimeSpan.Zero ? 0 : (int)double.Min(int.MaxValue, double.Ceiling(remaining.TotalMilliseconds));
    }

    private unsafe void Poll(SafeFd? wakeUp, int milliseconds)
    {
        pollfd* descriptors = stackalloc pollfd[2];
        descriptors[0] = new pollfd { fd = _descriptor.Number, events = LibC.POLLIN };
        descriptors[1] = new pollfd { fd = wakeUp?.Number ?? -1, events = LibC.POLLIN };

        // SAFETY: two entries are there; both descriptors are kept open, by the reference that Wait holds and by this thread.
        int result = LibC.poll(descriptors, 2, milliseconds);
        if (result < 0 && Marshal.GetLastPInvokeError() != LibC.EINTR)
        {
            throw KvmError.FromLast("poll");
        }
    }

    private static unsafe bool TryTake(SafeFd descriptor)
    {
        ulong count;

        // SAFETY: an eventfd gives 8 bytes.
        if (LibC.read(descriptor, &count, sizeof(ulong)) == sizeof(ulong))
        {
            return true;
        }

        int error = Marshal.GetLastPInvokeError();
        return error is LibC.EAGAIN or LibC.EINTR ? false : throw KvmError.FromErrno("read of an eventfd", error);
    }

    private static unsafe void Add(SafeFd descriptor)
    {
        ulong one = 1;
        try
        {
            // SAFETY: an eventfd takes 8 bytes. A counter that is full says EAGAIN, and is set all the same.
            _ = LibC.write(descriptor, &one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // Disposed of between the caller's look and here: nobody is left to hear it.
        }
    }
}
