using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio;

/// <summary>A part of the buffers that a device may read: guest memory in pieces, for a call that takes it. It cannot outlive the call.</summary>
/// <remarks>The guest may change the bytes at any moment. Where the guest has taken its memory away or reset the queue meanwhile, the members throw an <see cref="IOException"/>.</remarks>
public readonly ref struct ReadableBuffers
{
    private readonly ChainPart _part;

    internal ReadableBuffers(DescriptorChain chain, long start, int length)
        : this(new ChainPart(chain, start, length))
    {
    }

    private ReadableBuffers(ChainPart part)
    {
        _part = part;
    }

    /// <summary>Bytes.</summary>
    public int Length => _part.Length;

    /// <summary>A part of them.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part is not within.</exception>
    public ReadableBuffers Slice(int start, int length) => new(_part.Slice(start, length));

    /// <summary>Works on bytes in place, as far as they lie in one piece.</summary>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="start">First byte.</param>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets a span that cannot leave it.</param>
    /// <returns>How many bytes it got: more than 0.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The first byte is not within.</exception>
    public int Access<TState>(int start, TState state, ReadOnlySpanAction<byte, TState> action)
        where TState : allows ref struct
    {
        _part.ThrowUnlessWithin(start, 1);
        int part = _part.Chain.AccessReadable(_part.Start + start, Length - start, state, action);
        return part > 0 ? part : throw ChainPart.Gone();
    }

    /// <summary>Works on all of them in place, for one call of the host's that takes pieces of memory (writev, sendmsg).</summary>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets the pieces, which are there until it returns, and are the guest's, who may change them meanwhile.</param>
    /// <returns>False where they are in more than 256 pieces, or not in memory any more: the action was not called.</returns>
    public bool TryAccessAll<TState>(TState state, ReadOnlySpanAction<HostRange, TState> action)
        where TState : allows ref struct => Length > 0 && _part.Chain.TryAccess(_part.Start, Length, isWritable: false, state, action);

    /// <summary>Takes a copy.</summary>
    /// <param name="destination">Room for as many bytes as there are.</param>
    /// <exception cref="ArgumentException">There is more room or less.</exception>
    public void CopyTo(Span<byte> destination)
    {
        _part.ThrowUnlessAsLong(destination.Length, nameof(destination));
        if (_part.Chain.Read(_part.Start, destination) < Length)
        {
            throw ChainPart.Gone();
        }
    }

    /// <summary>Writes them to a part of a file, on Linux by one call of the system for many pieces and without a copy.</summary>
    /// <param name="file">The file, open for writing, not for asynchronous use.</param>
    /// <param name="fileOffset">First byte within it.</param>
    /// <exception cref="IOException">The host cannot write, as when its disk is full.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public void WriteFile(SafeFileHandle file, long fileOffset)
    {
        if (Length > 0 && !_part.Chain.TryWriteFile(_part.Start, Length, file, fileOffset))
        {
            throw ChainPart.Gone();
        }
    }
}
