using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Emulated.Streams;

/// <summary>Bytes of a guest on their way to a host that reads them from a pipe: taken one at a time, passed on in batches, never more than a bound.</summary>
/// <remarks>
/// To wake a reader costs far more than to take a byte. So bytes gather until a chunk is full or a millisecond has passed since the first, and the
/// reader is woken once for all of them. Members but <see cref="Reader"/> and <see cref="Dispose"/> are called with the device's lock held.
/// </remarks>
internal sealed class GuestOutput : IDisposable
{
    private static readonly TimeSpan s_batch = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate;
    private readonly int _capacity;
    private readonly Action? _batchEnded;
    private readonly Action? _resumed;
    private readonly Action _onFlushed;
    private readonly Pipe _pipe;
    private ITimer? _timer;
    private Memory<byte> _chunk;
    private int _used;
    private long _kept;
    private ValueTaskAwaiter<FlushResult> _flush;
    private bool _isTaken;
    private bool _isPaused;
    private bool _isScheduled;
    private bool _isDeaf;
    private bool _isDisposed;

    /// <param name="gate">The device's lock.</param>
    /// <param name="capacity">How many bytes wait for the reader at most, a chunk of the pool beside.</param>
    /// <param name="isTaken">True: bytes wait for a reader from the start. False: until one comes, the newest are kept.</param>
    /// <param name="batchEnded">Called, with the lock held, when the time of a batch is over.</param>
    /// <param name="resumed">Called, with the lock held, when there is room again.</param>
    internal GuestOutput(Lock gate, int capacity, bool isTaken, Action? batchEnded = null, Action? resumed = null)
    {
        _gate = gate;
        _capacity = capacity;
        _isTaken = isTaken;
        _batchEnded = batchEnded;
        _resumed = resumed;
        _onFlushed = OnFlushed;

        // One more than what is kept for a reader to come, so that what is kept never makes the guest wait.
        _pipe = new Pipe(new PipeOptions(pauseWriterThreshold: capacity + 1, resumeWriterThreshold: (capacity / 2) + 1, useSynchronizationContext: false));
    }

    /// <summary>The host's end. Who asks for it is the reader that bytes wait for from then on.</summary>
    internal PipeReader Reader
    {
        get
        {
            lock (_gate)
            {
                _isTaken = true;
            }

            return _pipe.Reader;
        }
    }

    /// <summary>How many bytes were thrown away because nobody took them.</summary>
    internal long Discarded { get; private set; }

    /// <summary>There is room for a byte.</summary>
    internal bool IsReady
    {
        get
        {
            if (_isPaused && _flush.IsCompleted)
            {
                EndFlush();
            }

            return !_isPaused;
        }
    }

    /// <summary>Takes a byte; where there is no room, it is thrown away and counted.</summary>
    internal void Write(byte value)
    {
        if (_isDeaf || _isDisposed || !IsReady)
        {
            Discarded++;
            return;
        }

        if (_used == _chunk.Length)
        {
            Memory<byte> memory = _pipe.Writer.GetMemory();
            _chunk = memory[..int.Min(memory.Length, _capacity / 2)];
            _used = 0;
        }

        _chunk.Span[_used++] = value;
        if (_used == _chunk.Length)
        {
            PassOn();
        }
        else
        {
            Schedule();
        }
    }

    /// <summary>Has the batch end within a millisecond.</summary>
    internal void Schedule()
    {
        if (_isScheduled || _isDisposed)
        {
            return;
        }

        _isScheduled = true;

        // The host's own time: how soon its reader wakes is no matter of the guest's clock.
        _timer ??= TimeProvider.System.CreateTimer(static self => ((GuestOutput)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(s_batch, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Shows the reader all that was taken.</summary>
    internal void PassOn()
    {
        if (_used == 0 || _isPaused)
        {
            return;
        }

        if (!_isTaken)
        {
            MakeRoom();
        }

        _pipe.Writer.Advance(_used);
        _chunk = default;
        _used = 0;
#pragma warning disable CA2012 // one flush at a time, its result taken once: the guest's thread cannot await
        _flush = _pipe.Writer.FlushAsync(CancellationToken.None).GetAwaiter();
#pragma warning restore CA2012
        if (_flush.IsCompleted)
        {
            EndFlush();
        }
        else
        {
            _isPaused = true;
            _flush.UnsafeOnCompleted(_onFlushed);
        }
    }

    /// <summary>Ends the stream: the reader gets the rest and then the end.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            PassOn();
            _isDisposed = true;
            _timer?.Dispose();
            _pipe.Writer.Complete();
        }
    }

    /// <summary>Throws the oldest bytes away, for as long as nobody has come to read.</summary>
    private void MakeRoom()
    {
        _kept += _used;
        if (_kept <= _capacity || !_pipe.Reader.TryRead(out ReadResult oldest))
        {
            return;
        }

        long excess = long.Min(_kept - _capacity, oldest.Buffer.Length);
        _pipe.Reader.AdvanceTo(oldest.Buffer.GetPosition(excess));
        _kept -= excess;
        Discarded += excess;
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            _isScheduled = false;
            if (!_isDisposed)
            {
                PassOn();
                _batchEnded?.Invoke();
            }
        }
    }

    private void OnFlushed()
    {
        lock (_gate)
        {
            // The device may have looked at IsReady before, and another flush may be under way since.
            if (!_isDisposed && IsReady)
            {
                _resumed?.Invoke();
            }
        }
    }

    private void EndFlush()
    {
        _isPaused = false;
        _isDeaf |= _flush.GetResult().IsCompleted;
        _flush = default;
    }
}
