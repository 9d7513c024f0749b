using System.Buffers;
using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio;

/// <summary>Buffers that a driver has made available together: first those for the device to read, then those for it to write (virtio 1.2, 2.6).</summary>
/// <remarks>
/// Taken from a <see cref="Virtqueue"/> in checked form: the descriptors were read once, and all buffers lie in memory. The bytes are the guest's, which may
/// change them at any moment. Used on the device's worker, in the calls that it makes; a chain may be kept from one call to the next until it is given back. After a
/// reset of its queue it is stale: accesses move nothing.
/// </remarks>
public sealed partial class DescriptorChain
{
    private readonly Virtqueue _queue;
    private GuestRange[] _buffers = new GuestRange[8];
    private int _count;
    private int _readableCount;
    private int _lastReadable;
    private long _lastReadableStart;
    private int _lastWritable;
    private long _lastWritableStart;

    internal DescriptorChain(Virtqueue queue)
    {
        _queue = queue;
    }

    /// <summary>Bytes that the device may read.</summary>
    public long ReadableLength { get; private set; }

    /// <summary>Bytes that the device may write.</summary>
    public long WritableLength { get; private set; }

    /// <summary>Buffers that the device may read.</summary>
    public int ReadableCount => _readableCount;

    /// <summary>Buffers that the device may write.</summary>
    public int WritableCount => _count - _readableCount;

    /// <summary>The queue that it belongs to.</summary>
    public Virtqueue Queue => _queue;

    /// <summary>What names the chain towards the driver.</summary>
    internal ushort Id { get; set; }

    /// <summary>Descriptors of the ring that it takes up (packed rings).</summary>
    internal int RingEntries { get; set; }

    /// <summary>The queue's life that it was taken in.</summary>
    internal int Generation { get; set; }

    /// <summary>Its place in the order of taking.</summary>
    internal uint Sequence { get; set; }

    /// <summary>It was taken and not given back.</summary>
    internal bool IsInFlight { get; set; }

    /// <summary>Bytes written, once it is given back and waits for those before it.</summary>
    internal long Written { get; set; } = NotReturned;

    internal const long NotReturned = -1;

    internal int Count => _count;

    internal void Clear()
    {
        _count = 0;
        _readableCount = 0;
        _lastReadable = 0;
        _lastReadableStart = 0;
        _lastWritable = -1;
        _lastWritableStart = 0;
        ReadableLength = 0;
        WritableLength = 0;
        Written = NotReturned;
    }

    /// <summary>Adds a buffer; false where a readable one follows a writable one (virtio 1.2, 2.7.4.2).</summary>
    internal bool TryAdd(GuestRange buffer, bool isWritable)
    {
        if (!isWritable && _readableCount != _count)
        {
            return false;
        }

        if (_count == _buffers.Length)
        {
            Array.Resize(ref _buffers, _count * 2);
        }

        _buffers[_count++] = buffer;
        if (isWritable)
        {
            WritableLength += buffer.Length;
        }
        else
        {
            _readableCount++;
            ReadableLength += buffer.Length;
        }

        return true;
    }

    internal ChainBuffer[] SaveBuffers()
    {
        var buffers = new ChainBuffer[_count];
        for (int i = 0; i < buffers.Length; i++)
        {
            buffers[i] = new ChainBuffer(_buffers[i].Address, _buffers[i].Length, IsWritable: i >= _readableCount);
        }

        return buffers;
    }

    /// <summary>Copies bytes that the driver has given.</summary>
    /// <param name="offset">First byte, counted over all readable buffers.</param>
    /// <param name="destination">Where they go.</param>
    /// <returns>How many: fewer than asked for where the buffers end.</returns>
    public int Read(long offset, Span<byte> destination)
    {
        int done = 0;
        while (done < destination.Length && TryLocate(offset + done, isWritable: false, out ulong address, out uint left))
        {
            int part = (int)uint.Min((uint)(destination.Length - done), left);
            if (!_queue.View.TryRead(address, destination.Slice(done, part)))
            {
                break;
            }

            done += part;
        }

        return done;
    }

    /// <summary>Reads a value that the driver has given, in the host's byte order: little-endian, as all of virtio 1.x.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="offset">Its first byte, counted over all readable buffers.</param>
    /// <param name="value">The value.</param>
    /// <returns>False where the buffers end before.</returns>
    public bool TryRead<T>(long offset, out T value)
        where T : unmanaged
    {
        value = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        if (Read(offset, bytes) == bytes.Length)
        {
            return true;
        }

        value = default;
        return false;
    }

    /// <summary>Copies bytes to the driver.</summary>
    /// <param name="offset">First byte, counted over all writable buffers.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>How many: fewer than given where the buffers end.</returns>
    public int Write(long offset, ReadOnlySpan<byte> source)
    {
        int done = 0;
        while (done < source.Length && TryLocate(offset + done, isWritable: true, out ulong address, out uint left))
        {
            int part = (int)uint.Min((uint)(source.Length - done), left);
            if (!_queue.View.TryWrite(address, source.Slice(done, part)))
            {
                break;
            }

            done += part;
        }

        return done;
    }

    /// <summary>Writes a value for the driver, in the host's byte order.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="offset">Its first byte, counted over all writable buffers.</param>
    /// <param name="value">The value.</param>
    /// <returns>False where the buffers end before.</returns>
    public bool TryWrite<T>(long offset, in T value)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
        return Write(offset, bytes) == bytes.Length;
    }

    /// <summary>Works in place on bytes that the driver has given, as far as they lie in one piece.</summary>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="offset">First byte, counted over all readable buffers.</param>
    /// <param name="length">How many at most; more than 0.</param>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets a span that cannot leave it.</param>
    /// <returns>How many bytes it got; 0 at the end of the buffers, and the action was not called.</returns>
    public int AccessReadable<TState>(long offset, int length, TState state, ReadOnlySpanAction<byte, TState> action)
        where TState : allows ref struct
    {
        ArgumentNullException.ThrowIfNull(action);
        if (!TryLocate(offset, isWritable: false, out ulong address, out uint left))
        {
            return 0;
        }

        return _queue.View.Access(address, (int)uint.Min((uint)length, left), isWrite: false, new ReadAction<TState>(state, action), static (span, read) => read.Action(span, read.State));
    }

    /// <summary>Works in place on bytes for the driver, as far as they lie in one piece.</summary>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="offset">First byte, counted over all writable buffers.</param>
    /// <param name="length">How many at most; more than 0.</param>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets a span that cannot leave it.</param>
    /// <returns>How many bytes it got; 0 at the end of the buffers, and the action was not called.</returns>
    public int AccessWritable<TState>(long offset, int length, TState state, SpanAction<byte, TState> action)
        where TState : allows ref struct
    {
        ArgumentNullException.ThrowIfNull(action);
        return TryLocate(offset, isWritable: true, out ulong address, out uint left)
            ? _queue.View.Access(address, (int)uint.Min((uint)length, left), isWrite: true, state, action)
            : 0;
    }

    /// <summary>Where a buffer that the device may write lies, for devices that deal with pages and not with bytes.</summary>
    /// <param name="index">Its number among those.</param>
    /// <param name="buffer">The buffer.</param>
    /// <returns>False: there is none, or the chain is stale.</returns>
    internal bool TryGetWritable(int index, out GuestRange buffer)
    {
        bool isThere = Generation == _queue.Generation && (uint)index < (uint)WritableCount;
        buffer = isThere ? _buffers[_readableCount + index] : default;
        return isThere;
    }

    /// <summary>The buffer that a byte lies in. Most calls follow one another, so the search starts at the last one's.</summary>
    private bool TryLocate(long offset, bool isWritable, out ulong address, out uint left)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        address = 0;
        left = 0;
        if (Generation != _queue.Generation)
        {
            return false;
        }

        ref int last = ref isWritable ? ref _lastWritable : ref _lastReadable;
        ref long start = ref isWritable ? ref _lastWritableStart : ref _lastReadableStart;
        int end = isWritable ? _count : _readableCount;
        if (last < 0 || offset < start)
        {
            last = isWritable ? _readableCount : 0;
            start = 0;
        }

        while (last < end)
        {
            GuestRange buffer = _buffers[last];
            if (offset - start < buffer.Length)
            {
                address = buffer.Address + (ulong)(offset - start);
                left = buffer.Length - (uint)(offset - start);
                return true;
            }

            start += buffer.Length;
            last++;
        }

        // The end: the next search starts anew.
        last = -1;
        return false;
    }

    private readonly ref struct ReadAction<TState>(TState state, ReadOnlySpanAction<byte, TState> action)
        where TState : allows ref struct
    {
        public readonly TState State = state;
        public readonly ReadOnlySpanAction<byte, TState> Action = action;
    }
}
