using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio;

/// <content>Many buffers at once, for calls of the host.</content>
public sealed partial class DescriptorChain
{
    /// <summary>Reads a part of a file into the writable buffers, in as few calls of the host as it can.</summary>
    /// <param name="offset">First byte, counted over all writable buffers.</param>
    /// <param name="length">How many; they are there.</param>
    /// <param name="file">The file.</param>
    /// <param name="fileOffset">First byte within it.</param>
    /// <param name="count">How many the file had.</param>
    /// <returns>False where the chain is stale, or its memory gone.</returns>
    internal bool TryReadFile(long offset, int length, SafeFileHandle file, long fileOffset, out long count)
    {
        count = 0;
        return TrySlice(offset, length, isWritable: true, out ReadOnlySpan<GuestRange> ranges) && _queue.View.TryReadFile(file, fileOffset, ranges, out count);
    }

    /// <summary>Writes readable buffers to a part of a file, likewise.</summary>
    /// <param name="offset">First byte, counted over all readable buffers.</param>
    /// <param name="length">How many; they are there.</param>
    /// <param name="file">The file.</param>
    /// <param name="fileOffset">First byte within it.</param>
    /// <returns>False where the chain is stale, or its memory gone.</returns>
    internal bool TryWriteFile(long offset, int length, SafeFileHandle file, long fileOffset) =>
        TrySlice(offset, length, isWritable: false, out ReadOnlySpan<GuestRange> ranges) && _queue.View.TryWriteFile(file, fileOffset, ranges);

    /// <summary>Works on a part of the buffers in place, all of it at once.</summary>
    /// <returns>False where the chain is stale, its memory gone, or in more pieces than a view gives at once.</returns>
    internal bool TryAccess<TState>(long offset, int length, bool isWritable, TState state, ReadOnlySpanAction<HostRange, TState> action)
        where TState : allows ref struct =>
        TrySlice(offset, length, isWritable, out ReadOnlySpan<GuestRange> ranges) && _queue.View.TryAccess(ranges, isWritable, state, action);

    /// <summary>The ranges of memory that a part of the buffers is in; they are the chain's or the queue's, until the next call.</summary>
    private bool TrySlice(long offset, int length, bool isWritable, out ReadOnlySpan<GuestRange> ranges)
    {
        ranges = default;
        if (!TryLocate(offset, isWritable, out ulong address, out uint left))
        {
            return false;
        }

        int first = isWritable ? _lastWritable : _lastReadable;
        int end = isWritable ? _count : _readableCount;
        int count = 0;
        long found = 0;
        for (; found < length && first + count < end; count++)
        {
            found += count == 0 ? left : _buffers[first + count].Length;
        }

        if (found < length)
        {
            return false;
        }

        ranges = _buffers.AsSpan(first, count);
        if (found == length && left == ranges[0].Length)
        {
            return true; // whole buffers, as most drivers have it
        }

        GuestRange[] slice = _queue.RentRanges(count);
        ranges.CopyTo(slice);
        slice[0] = new GuestRange(address, left);
        slice[count - 1] = slice[count - 1] with { Length = slice[count - 1].Length - (uint)(found - length) };
        ranges = slice.AsSpan(0, count);
        return true;
    }
}
