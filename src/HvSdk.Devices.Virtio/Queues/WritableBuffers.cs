using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio;

/// <summary>A part of the buffers that a device may write: guest memory in pieces, for a call that fills it. It cannot outlive the call.</summary>
/// <remarks>The guest may change the bytes at any moment. Where the guest has taken its memory away or reset the queue meanwhile, the members throw an <see cref="IOException"/>.</remarks>
public readonly ref struct WritableBuffers
{
    private readonly DescriptorChain _chain;
    private readonly long _start;

    internal WritableBuffers(DescriptorChain chain, long start, int length)
    {
        _chain = chain;
        _start = start;
        Length = length;
    }

    /// <summary>Bytes.</summary>
    public int Length { get; }

    /// <summary>A part of them.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part is not within.</exception>
    public WritableBuffers Slice(int start, int length)
    {
        ReadableBuffers.ThrowIfBeyond(start, length, Length);
        return new WritableBuffers(_chain, _start + start, length);
    }

    /// <summary>Works on bytes in place, as far as they lie in one piece.</summary>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="start">First byte.</param>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets a span that cannot leave it.</param>
    /// <returns>How many bytes it got: more than 0.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The first byte is not within.</exception>
    public int Access<TState>(int start, TState state, SpanAction<byte, TState> action)
        where TState : allows ref struct
    {
        ReadableBuffers.ThrowIfBeyond(start, 1, Length);
        int part = _chain.AccessWritable(_start + start, Length - start, state, action);
        return part > 0 ? part : throw ReadableBuffers.Gone();
    }

    /// <summary>Works on all of them in place, for one call of the host's that takes pieces of memory (readv, recvmsg).</summary>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets the pieces, which are there until it returns.</param>
    /// <returns>False where they are in more than 256 pieces, or not in memory any more: the action was not called.</returns>
    public bool TryAccessAll<TState>(TState state, ReadOnlySpanAction<HostRange, TState> action)
        where TState : allows ref struct => Length > 0 && _chain.TryAccess(_start, Length, isWritable: true, state, action);

    /// <summary>Fills them with a copy.</summary>
    /// <param name="source">As many bytes as there are.</param>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public void CopyFrom(ReadOnlySpan<byte> source)
    {
        if (source.Length != Length)
        {
            throw new ArgumentException($"The source has {source.Length} bytes, and the buffers {Length}. Take a slice of the longer.", nameof(source));
        }

        if (_chain.Write(_start, source) < Length)
        {
            throw ReadableBuffers.Gone();
        }
    }

    /// <summary>Fills them with a part of a file, on Linux by one call of the system for many pieces and without a copy.</summary>
    /// <param name="file">The file, open for reading, not for asynchronous use.</param>
    /// <param name="fileOffset">First byte within it.</param>
    /// <returns>How many bytes there were: fewer where the file ends.</returns>
    /// <exception cref="IOException">The host cannot read.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public int ReadFile(SafeFileHandle file, long fileOffset) =>
        Length == 0 ? 0 : _chain.TryReadFile(_start, Length, file, fileOffset, out long count) ? (int)count : throw ReadableBuffers.Gone();
}
