using System.IO.Pipelines;

namespace HvSdk.Devices.Emulated.Streams;

/// <summary>
/// What is on the far side of a UART's registers, whichever UART it is: characters that leave the transmitter for a host's pipe, characters of the host
/// that the receiver takes when it has room, and back-pressure in both directions.
/// </summary>
/// <remarks>Members are called with the UART's lock held, but <see cref="Input"/>, <see cref="Output"/> and <see cref="Dispose"/>.</remarks>
internal sealed class SerialWire : IDuplexPipe, IDisposable
{
    /// <summary>The most that a host can have sent that is neither in its pipe nor in the receiver.</summary>
    internal const int MaxPendingInput = 256;

    private const int MinBufferSize = 64;
    private const int MaxBufferSize = 1 << 30;

    /// <summary>
    /// How many characters follow each other without a gap. On a wire they come no faster than the baud rate; here the receiver would be full again
    /// before a driver has emptied it, and a driver that loops until there are no more gives up some time (Linux after 512 rounds), with the interrupt
    /// still asserted, of which an edge-triggered controller tells nobody a second time.
    /// </summary>
    private const int MaxBurst = 2048;

    private static readonly TimeSpan s_gap = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate;
    private readonly Func<TimeProvider> _time;
    private readonly Action _transmitterTime;
    private readonly Action _inputArrived;

    /// <summary>What the guest wrote while the host had no room: the transmitter's FIFO proper.</summary>
    private readonly byte[] _held;
    private int _heldCount;
    private long _overrunBytes;
    private GuestOutput? _sink;
    private GuestInput? _source;
    private int _burst;
    private bool _isInGap;
    private bool _isDisposed;
    private ITimer? _gap;

    /// <param name="gate">The UART's lock.</param>
    /// <param name="fifoSize">How many characters its transmitter holds at most.</param>
    /// <param name="time">The UART's time.</param>
    /// <param name="transmitterTime">Called, with the lock held, when the transmitter may look at <see cref="Transmit"/> again.</param>
    /// <param name="inputArrived">Called, with the lock held, when the receiver may look at <see cref="TryReceive"/> again.</param>
    internal SerialWire(Lock gate, int fifoSize, Func<TimeProvider> time, Action transmitterTime, Action inputArrived)
    {
        _gate = gate;
        _held = new byte[fifoSize];
        _time = time;
        _transmitterTime = transmitterTime;
        _inputArrived = inputArrived;
    }

    /// <summary>The host's reader of what the guest wrote.</summary>
    public PipeReader Input => Sink.Reader;

    /// <summary>The host's writer of what the guest will read.</summary>
    public PipeWriter Output => Source.Writer;

    /// <summary>How many bytes wait in each direction. Set before the first use.</summary>
    internal int BufferSize
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, MinBufferSize);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxBufferSize);
            field = value;
        }
    } = 64 * 1024;

    /// <summary>The guest waits for a reader from its first byte on. Set before the first use.</summary>
    internal bool WaitsForReader { get; set; }

    /// <summary>How many bytes of the guest were thrown away, by the host's side or because the transmitter was full.</summary>
    internal long DiscardedBytes => _overrunBytes + (_sink?.Discarded ?? 0);

    /// <summary>How many characters the guest has written since the transmitter was last seen empty.</summary>
    internal int InTransit { get; private set; }

    /// <summary>The characters for which the host has had no room yet.</summary>
    internal ReadOnlySpan<byte> Held => _held.AsSpan(0, _heldCount);

    /// <summary>What the host has sent and neither its pipe nor the receiver has any more.</summary>
    internal ReadOnlySpan<byte> PendingInput => Source.Staged;

    private GuestOutput Sink => _sink ?? CreateSink();

    private GuestInput Source => _source ?? CreateSource();

    /// <summary>A character enters the transmitter; one that finds no place is lost and counted.</summary>
    /// <param name="value">The character.</param>
    /// <param name="size">How many characters the transmitter holds now.</param>
    /// <param name="isOpen">The transmitter may send: else it keeps what it gets.</param>
    internal void Send(byte value, int size, bool isOpen = true)
    {
        if (isOpen && _heldCount == 0 && Sink.IsReady)
        {
            _sink!.Write(value);
            InTransit++;
        }
        else if (_heldCount < size)
        {
            _held[_heldCount++] = value;
            InTransit++;
        }
        else
        {
            _overrunBytes++;
        }
    }

    /// <summary>Has the transmitter hear within a millisecond.</summary>
    internal void Schedule() => Sink.Schedule();

    /// <summary>Sends what the transmitter holds, if the host has room for it.</summary>
    /// <returns>True where the transmitter is empty now and was not before.</returns>
    internal bool Transmit()
    {
        if (InTransit == 0)
        {
            return false;
        }

        int sent = 0;
        while (sent < _heldCount && Sink.IsReady)
        {
            _sink!.Write(_held[sent++]);
        }

        _held.AsSpan(sent, _heldCount - sent).CopyTo(_held);
        _heldCount -= sent;

        // Without room on the host's side one character stays in the shift register.
        InTransit = _heldCount != 0 ? _heldCount : Sink.IsReady ? 0 : 1;
        return InTransit == 0;
    }

    /// <summary>Throws away what the transmitter holds.</summary>
    /// <returns>True where it was not empty before.</returns>
    internal bool ResetTransmitter()
    {
        bool wasBusy = InTransit != 0;
        _overrunBytes += _heldCount;
        _heldCount = 0;
        InTransit = 0;
        return wasBusy;
    }

    /// <summary>Shows the host's reader all that has left the transmitter.</summary>
    internal void PassOn() => Sink.PassOn();

    /// <summary>The next character of the host; false where there is none now, and then the receiver hears of the next.</summary>
    internal bool TryReceive(out byte value)
    {
        if (_isInGap)
        {
            value = 0;
            return false;
        }

        if (!Source.TryTake(out value))
        {
            _burst = 0;
            return false;
        }

        if (++_burst == MaxBurst)
        {
            StartGap();
        }

        return true;
    }

    /// <summary>Puts a saved state back. What is in the pipes stays there.</summary>
    /// <param name="held">The characters that the transmitter holds.</param>
    /// <param name="isTransmitterEmpty">The transmitter is empty.</param>
    /// <param name="pendingInput">What the host has sent and the receiver has not yet got.</param>
    internal void Restore(ReadOnlySpan<byte> held, bool isTransmitterEmpty, ReadOnlySpan<byte> pendingInput)
    {
        held.CopyTo(_held);
        _heldCount = held.Length;
        InTransit = isTransmitterEmpty ? 0 : int.Max(1, _heldCount);
        Source.Restore(pendingInput);
    }

    /// <summary>Ends both pipes: the host's reader gets what is left and then the end, its writer is told that nobody reads any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _gap?.Dispose();
        }

        Sink.Dispose();
        Source.Dispose();
    }

    private void StartGap()
    {
        _burst = 0;
        _isInGap = true;
        _gap ??= _time().CreateTimer(static self => ((SerialWire)self!).OnGapEnded(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _gap.Change(s_gap, Timeout.InfiniteTimeSpan);
    }

    private void OnGapEnded()
    {
        lock (_gate)
        {
            _isInGap = false;
            if (!_isDisposed)
            {
                _inputArrived();
            }
        }
    }

    // Not in the constructor: the sizes are set after it.
    private GuestOutput CreateSink()
    {
        lock (_gate)
        {
            return _sink ??= new GuestOutput(_gate, BufferSize, WaitsForReader, batchEnded: _transmitterTime, resumed: _transmitterTime);
        }
    }

    private GuestInput CreateSource()
    {
        lock (_gate)
        {
            return _source ??= new GuestInput(_gate, BufferSize, arrived: _inputArrived);
        }
    }
}
