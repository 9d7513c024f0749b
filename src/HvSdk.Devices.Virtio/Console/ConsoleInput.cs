using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Virtio;

/// <summary>Bytes of a host on their way to a guest, which takes them into chains as it has room; the host waits.</summary>
internal sealed class ConsoleInput
{
    private readonly Lock _gate = new();
    private readonly Action _onRead;
    private readonly Pipe _pipe;
    private ValueTaskAwaiter<ReadResult> _read;
    private bool _isReading;
    private bool _isEnded;
    private bool _isCompleted;
    private long _given;

    /// <param name="capacity">How many bytes wait for the guest before the host's flush does.</param>
    /// <param name="arrived">Called on any thread when there are bytes again.</param>
    internal ConsoleInput(int capacity, Action arrived)
    {
        _onRead = arrived;

        // Inline: the device's worker is woken by the host's own flush, without another thread between.
        _pipe = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline,
            pauseWriterThreshold: capacity,
            resumeWriterThreshold: capacity / 2,
            useSynchronizationContext: false));
    }

    /// <summary>The host's end.</summary>
    internal PipeWriter Writer => _pipe.Writer;

    /// <summary>Bytes that were given to the guest.</summary>
    internal long Given => Interlocked.Read(ref _given);

    /// <summary>The guest has all that the host has written up to now. Where it has not, or not yet, the device hears of the bytes to come.</summary>
    internal bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                if (!TryRead(out ReadOnlySequence<byte> bytes))
                {
                    return true;
                }

                _pipe.Reader.AdvanceTo(bytes.Start);
                return false;
            }
        }
    }

    /// <summary>Gives bytes to the driver, one chain after the other, as long as there are both.</summary>
    /// <param name="queue">Where the chains come from.</param>
    /// <param name="limit">How many bytes at most.</param>
    /// <returns>True: the limit ended it, and there is more to do.</returns>
    internal bool Give(Virtqueue queue, long limit)
    {
        lock (_gate)
        {
            while (TryRead(out ReadOnlySequence<byte> bytes))
            {
                bool isOut = false;
                while (!bytes.IsEmpty && limit > 0 && !isOut)
                {
                    if (queue.TryTake(out DescriptorChain? chain))
                    {
                        long written = Fill(chain, bytes);
                        queue.Complete(chain, written);
                        Interlocked.Add(ref _given, written);
                        bytes = bytes.Slice(written);
                        limit -= long.Max(written, ConsoleSlot.ChainCost);
                    }
                    else
                    {
                        isOut = true;
                    }
                }

                bool hasMore = !bytes.IsEmpty;
                _pipe.Reader.AdvanceTo(bytes.Start);
                if (hasMore)
                {
                    return !isOut;
                }
            }

            return false;
        }
    }

    /// <summary>Ends the stream: the host's flushes tell it so.</summary>
    internal void End()
    {
        lock (_gate)
        {
            if (!_isCompleted)
            {
                _isCompleted = _isEnded = true;
                _pipe.Reader.CancelPendingRead();
                _pipe.Reader.Complete();
            }
        }
    }

    private static long Fill(DescriptorChain chain, ReadOnlySequence<byte> bytes)
    {
        long written = 0;
        foreach (ReadOnlyMemory<byte> part in bytes)
        {
            int count = chain.Write(written, part.Span);
            written += count;
            if (count < part.Length)
            {
                break;
            }
        }

        return written;
    }

    /// <summary>Bytes to give; false where there are none, and then the device hears of the next.</summary>
    private bool TryRead(out ReadOnlySequence<byte> bytes)
    {
        while (!_isEnded)
        {
            if (!_isReading)
            {
#pragma warning disable CA2012 // one read at a time, its result taken once: the device's worker cannot await
                _read = _pipe.Reader.ReadAsync(CancellationToken.None).GetAwaiter();
#pragma warning restore CA2012
                if (!_read.IsCompleted)
                {
                    _isReading = true;
                    _read.UnsafeOnCompleted(_onRead);
                }
            }

            if (!_read.IsCompleted)
            {
                break;
            }

            _isReading = false;
            ReadResult result = _read.GetResult();
            _read = default;
            if (!result.Buffer.IsEmpty)
            {
                bytes = result.Buffer;
                return true;
            }

            _pipe.Reader.AdvanceTo(result.Buffer.End);
            _isEnded = result.IsCompleted;
        }

        bytes = default;
        return false;
    }
}
