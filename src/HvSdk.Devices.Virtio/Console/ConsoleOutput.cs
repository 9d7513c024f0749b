using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Virtio;

/// <summary>Bytes of a guest on their way to a host that reads them from a pipe: taken from chains, passed on in batches, never more than a bound.</summary>
/// <remarks>To wake a reader costs far more than to take a few bytes. A console, whose driver sends a line in many small pieces, wakes it once for all that come within a millisecond.</remarks>
internal sealed class ConsoleOutput
{
    /// <summary>What <see cref="Take"/> returns where there is no room.</summary>
    internal const long NoRoom = -1;

    private const int MaxChunk = 16 * 1024;
    private static readonly TimeSpan s_batch = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate = new();
    private readonly int _capacity;
    private readonly Action _resumed;
    private readonly Action _onFlushed;
    private readonly Pipe _pipe;
    private ITimer? _timer;
    private Memory<byte> _chunk;
    private int _used;
    private long _kept;
    private long _taken;
    private long _discarded;
    private ValueTaskAwaiter<FlushResult> _flush;
    private bool _hasReader;
    private bool _isPaused;
    private bool _isScheduled;
    private bool _isDeaf;
    private bool _isEnded;

    /// <param name="capacity">How many bytes wait for the reader at most, a chunk beside.</param>
    /// <param name="waitsForReader">True: bytes wait for a reader from the start. False: until one comes, the newest are kept.</param>
    /// <param name="resumed">Called on any thread when there is room again.</param>
    internal ConsoleOutput(int capacity, bool waitsForReader, Action resumed)
    {
        _capacity = capacity;
        _hasReader = waitsForReader;
        _resumed = resumed;
        _onFlushed = OnFlushed;

        // One more than what is kept for a reader to come, so that what is kept never makes the guest wait.
        _pipe = new Pipe(new PipeOptions(
            pauseWriterThreshold: capacity + 1,
            resumeWriterThreshold: (capacity / 2) + 1,
            minimumSegmentSize: int.Min(MaxChunk, capacity / 2),
            useSynchronizationContext: false));
    }

    /// <summary>The host's end. Who asks for it is the reader that bytes wait for from then on.</summary>
    internal PipeReader Reader
    {
        get
        {
            lock (_gate)
            {
                _hasReader = true;
            }

            return _pipe.Reader;
        }
    }

    /// <summary>Bytes of the guest that were taken and not thrown away at once.</summary>
    internal long Taken => Interlocked.Read(ref _taken);

    /// <summary>Bytes that were thrown away because nobody took them.</summary>
    internal long Discarded => Interlocked.Read(ref _discarded);

    /// <summary>Takes bytes of a chain, as many as come at once.</summary>
    /// <param name="chain">The chain.</param>
    /// <param name="offset">The first of them.</param>
    /// <returns>How many; 0 at the chain's end; <see cref="NoRoom"/>, and then the device hears when there is some.</returns>
    internal long Take(DescriptorChain chain, long offset)
    {
        lock (_gate)
        {
            if (_isDeaf || _isEnded)
            {
                long rest = chain.ReadableLength - offset;
                Interlocked.Add(ref _discarded, rest);
                return rest;
            }

            if (!IsReady)
            {
                return NoRoom;
            }

            int read = chain.Read(offset, GetChunk()[_used..]);
            Interlocked.Add(ref _taken, read);
            _used += read;
            if (_used == _chunk.Length)
            {
                PassOn();
            }

            return read;
        }
    }

    /// <summary>Takes a byte that cannot wait; where there is no room, it is thrown away.</summary>
    internal void TakeUrgent(byte value)
    {
        lock (_gate)
        {
            if (_isDeaf || _isEnded || !IsReady)
            {
                Interlocked.Increment(ref _discarded);
                return;
            }

            GetChunk()[_used++] = value;
            Interlocked.Increment(ref _taken);
            if (_used == _chunk.Length)
            {
                PassOn();
            }
            else
            {
                Schedule();
            }
        }
    }

    /// <summary>Has the reader see what was taken: now, or within a millisecond with what else comes.</summary>
    internal void Flush(bool now)
    {
        lock (_gate)
        {
            if (_used == 0 || _isEnded)
            {
                return;
            }

            if (now)
            {
                PassOn();
            }
            else
            {
                Schedule();
            }
        }
    }

    /// <summary>Ends the stream: the reader gets the rest and then the end.</summary>
    internal void End()
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                return;
            }

            PassOn();
            _isEnded = true;
            _timer?.Dispose();
            _pipe.Writer.Complete();
        }
    }

    private bool IsReady
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

    private Span<byte> GetChunk()
    {
        if (_used == _chunk.Length)
        {
            Memory<byte> memory = _pipe.Writer.GetMemory();
            _chunk = memory[..int.Min(memory.Length, int.Min(MaxChunk, _capacity / 2))];
            _used = 0;
        }

        return _chunk.Span;
    }

    private void Schedule()
    {
        if (_isScheduled)
        {
            return;
        }

        _isScheduled = true;

        // The host's own time: how soon its reader wakes is no matter of the guest's clock.
        _timer ??= TimeProvider.System.CreateTimer(static self => ((ConsoleOutput)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(s_batch, Timeout.InfiniteTimeSpan);
    }

    private void PassOn()
    {
        if (_used == 0 || _isPaused)
        {
            return;
        }

        if (!_hasReader)
        {
            MakeRoom();
        }

        _pipe.Writer.Advance(_used);
        _chunk = default;
        _used = 0;
#pragma warning disable CA2012 // one flush at a time, its result taken once: the device's worker cannot await
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
        Interlocked.Add(ref _discarded, excess);
    }

    private void EndFlush()
    {
        _isPaused = false;
        _isDeaf |= _flush.GetResult().IsCompleted;
        _flush = default;
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            _isScheduled = false;
            if (!_isEnded)
            {
                PassOn();
            }
        }
    }

    private void OnFlushed()
    {
        lock (_gate)
        {
            // The device may have looked before, and another flush be under way since.
            if (_isEnded || !IsReady)
            {
                return;
            }
        }

        _resumed();
    }
}
