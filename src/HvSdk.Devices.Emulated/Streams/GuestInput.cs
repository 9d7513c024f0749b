using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Emulated.Streams;

/// <summary>Bytes of a host on their way to a guest that takes them one at a time, as many as it likes and when it likes; the host waits.</summary>
/// <remarks>Members but <see cref="Writer"/> and <see cref="Dispose"/> are called with the device's lock held.</remarks>
internal sealed class GuestInput : IDisposable
{
    private readonly Lock _gate;
    private readonly Action _arrived;
    private readonly Action _onRead;
    private readonly Pipe _pipe;

    /// <summary>Bytes taken from the pipe in one go, so that a byte to the guest costs no call of the pipe.</summary>
    private readonly byte[] _staged = new byte[256];
    private int _next;
    private int _count;
    private ValueTaskAwaiter<ReadResult> _read;
    private bool _isWaiting;
    private bool _isEnded;

    /// <param name="gate">The device's lock.</param>
    /// <param name="capacity">How many bytes wait for the guest before the host's flush does.</param>
    /// <param name="arrived">Called, with the lock held, when there are bytes again.</param>
    internal GuestInput(Lock gate, int capacity, Action arrived)
    {
        _gate = gate;
        _arrived = arrived;
        _onRead = OnRead;

        // Inline: the guest's interrupt is raised by the host's own flush, without a switch of threads.
        _pipe = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline,
            pauseWriterThreshold: capacity,
            resumeWriterThreshold: capacity / 2,
            useSynchronizationContext: false));
    }

    /// <summary>The host's end.</summary>
    internal PipeWriter Writer => _pipe.Writer;

    /// <summary>The bytes that have left the pipe and not yet reached the guest.</summary>
    internal ReadOnlySpan<byte> Staged => _staged.AsSpan(_next, _count - _next);

    /// <summary>Takes the next byte; false where there is none, and then the device hears of the next.</summary>
    internal bool TryTake(out byte value)
    {
        if (_next == _count && !Stage())
        {
            value = 0;
            return false;
        }

        value = _staged[_next++];
        return true;
    }

    /// <summary>Puts bytes in front of all others, in place of what is staged.</summary>
    /// <param name="bytes">At most 256.</param>
    internal void Restore(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_staged);
        _next = 0;
        _count = bytes.Length;
    }

    /// <summary>Ends the stream: the host's flushes tell it so.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_isEnded)
            {
                _isEnded = true;
                _pipe.Reader.CancelPendingRead();
                _pipe.Reader.Complete();
            }
        }
    }

    private bool Stage()
    {
        while (!_isEnded)
        {
            if (!_isWaiting)
            {
#pragma warning disable CA2012 // one read at a time, its result taken once: a method of its own that awaits would need a thread's switch
                _read = _pipe.Reader.ReadAsync(CancellationToken.None).GetAwaiter();
#pragma warning restore CA2012
                if (!_read.IsCompleted)
                {
                    _isWaiting = true;
                    _read.UnsafeOnCompleted(_onRead);
                }
            }

            if (!_read.IsCompleted)
            {
                return false;
            }

            _isWaiting = false;
            ReadResult result = _read.GetResult();
            _read = default;
            ReadOnlySequence<byte> bytes = result.Buffer.Slice(0, long.Min(_staged.Length, result.Buffer.Length));
            bytes.CopyTo(_staged);
            _next = 0;
            _count = (int)bytes.Length;
            _pipe.Reader.AdvanceTo(bytes.End);
            if (_count > 0)
            {
                return true;
            }

            _isEnded = result.IsCompleted;
        }

        return false;
    }

    private void OnRead()
    {
        // Called from within Stage, where the bytes came just then: it looks again by itself.
        if (_gate.IsHeldByCurrentThread)
        {
            return;
        }

        lock (_gate)
        {
            if (!_isEnded)
            {
                _arrived();
            }
        }
    }
}
