using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace HvSdk;

/// <content>Many ranges at once, for calls of the host: files, and whatever takes vectors.</content>
public sealed partial class GuestMemoryView
{
    // Pieces of one call of the host: the 256 pages of a request of 1 MiB fit. Linux takes 1,024 at most.
    private const int MaxPieces = 256;

    private HostRange[] _pieces = [];

    /// <summary>Reads a part of a file into guest memory: the first bytes into the first range, and so on.</summary>
    /// <remarks>Many ranges cost little more than one: on Linux they are one call of the system, which writes where the guest will read.</remarks>
    /// <param name="file">The file, open for reading, not for asynchronous use.</param>
    /// <param name="fileOffset">First byte within it.</param>
    /// <param name="ranges">Where the bytes go; their lengths say how many.</param>
    /// <param name="count">How many there were: fewer than asked for where the file ends.</param>
    /// <returns>False where a byte of a range is not in memory: nothing was read.</returns>
    /// <exception cref="IOException">The host cannot read; part of the ranges may be changed.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public bool TryReadFile(SafeFileHandle file, long fileOffset, ReadOnlySpan<GuestRange> ranges, out long count)
    {
        CheckFile(file, fileOffset);
        count = 0;
        if (!TryCollect(ranges, 0, out ReadOnlySpan<HostRange> pieces, out long length) || length == 0)
        {
            return length == 0;
        }

        try
        {
            while (_memory.Backend.ReadFile(file, fileOffset + count, pieces) is > 0 and long part && (count += part) < length)
            {
                TryCollect(ranges, count, out pieces, out _);
            }
        }
        finally
        {
            MarkDirty(ranges);
        }

        return true;
    }

    /// <summary>Writes guest memory to a part of a file: the first range's bytes first, and so on.</summary>
    /// <remarks>Many ranges cost little more than one, as with <see cref="TryReadFile"/>. The guest may change the bytes meanwhile.</remarks>
    /// <param name="file">The file, open for writing, not for asynchronous use.</param>
    /// <param name="fileOffset">First byte within it.</param>
    /// <param name="ranges">Where the bytes are; all are written.</param>
    /// <returns>False where a byte of a range is not in memory: nothing was written.</returns>
    /// <exception cref="IOException">The host cannot write, as when its disk is full; part of the bytes may be written.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public bool TryWriteFile(SafeFileHandle file, long fileOffset, ReadOnlySpan<GuestRange> ranges)
    {
        CheckFile(file, fileOffset);
        if (!TryCollect(ranges, 0, out ReadOnlySpan<HostRange> pieces, out long length))
        {
            return false;
        }

        for (long done = 0; done < length;)
        {
            long part = _memory.Backend.WriteFile(file, fileOffset + done, pieces);
            done += part > 0 ? part : throw new IOException("The host has written nothing, and gives no reason.");
            if (done < length)
            {
                TryCollect(ranges, done, out pieces, out _);
            }
        }

        return true;
    }

    /// <summary>Works on many ranges in place, in one call of the host's that takes pieces of memory: writev, readv and the like.</summary>
    /// <remarks>The pieces are there until the action returns. They are guest memory, which the guest may change at any moment.</remarks>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="ranges">The ranges, whose bytes are those of the pieces, in order. Ranges that touch are one piece.</param>
    /// <param name="isWrite">The action writes: the pages count as written.</param>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets the pieces.</param>
    /// <returns>False where a byte of a range is not in memory, or there would be more than 256 pieces: the action was not called.</returns>
    public bool TryAccess<TState>(ReadOnlySpan<GuestRange> ranges, bool isWrite, TState state, ReadOnlySpanAction<HostRange, TState> action)
        where TState : allows ref struct
    {
        ArgumentNullException.ThrowIfNull(action);
        if (!TryCollect(ranges, 0, out ReadOnlySpan<HostRange> pieces, out long length))
        {
            return false;
        }

        foreach (HostRange piece in pieces)
        {
            length -= piece.Length;
        }

        if (length > 0)
        {
            return false;
        }

        _actions++;
        try
        {
            action(pieces, state);
        }
        finally
        {
            _actions--;
            if (isWrite)
            {
                MarkDirty(ranges);
            }
        }

        return true;
    }

    private static void CheckFile(SafeFileHandle file, long fileOffset)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegative(fileOffset);
    }

    /// <summary>The ranges as pieces of the process's memory, as many as one call takes. Ranges that touch are one piece.</summary>
    /// <param name="ranges">The ranges.</param>
    /// <param name="skip">Bytes at their beginning that are done already.</param>
    /// <param name="pieces">The pieces; they are the view's, until the next call.</param>
    /// <param name="length">Bytes of all ranges.</param>
    /// <returns>False where a byte of a range is not in memory.</returns>
    private bool TryCollect(ReadOnlySpan<GuestRange> ranges, long skip, out ReadOnlySpan<HostRange> pieces, out long length)
    {
        ThrowIfNotEntered();
        pieces = default;
        length = 0;
        int count = 0;
        bool isFull = false;
        foreach (GuestRange range in ranges)
        {
            length += range.Length;
            ulong done = (ulong)long.Min(skip, range.Length);
            skip -= (long)done;
            ulong address = range.Address + done;
            for (ulong left = range.Length - done; left > 0;)
            {
                if (!TryFind(address, out int index))
                {
                    return false;
                }

                ulong part = ulong.Min(left, _map[index].End - address);
                isFull = isFull || !TryAppend(ref count, _starts[index] + (nint)(address - _map[index].Address), (nint)part);
                address += part;
                left -= part;
            }
        }

        pieces = _pieces.AsSpan(0, count);
        return true;
    }

    private bool TryAppend(ref int count, nint start, nint length)
    {
        if (count > 0 && _pieces[count - 1] is var last && last.Start + last.Length == start)
        {
            _pieces[count - 1] = new HostRange(last.Start, last.Length + length);
            return true;
        }

        if (count == MaxPieces)
        {
            return false;
        }

        if (count == _pieces.Length)
        {
            Array.Resize(ref _pieces, int.Min(MaxPieces, int.Max(8, 2 * count)));
        }

        _pieces[count++] = new HostRange(start, length);
        return true;
    }

    private void MarkDirty(ReadOnlySpan<GuestRange> ranges)
    {
        if (!IsTracked())
        {
            return;
        }

        foreach (GuestRange range in ranges)
        {
            ulong address = range.Address;
            ulong left = range.Length;
            while (left > 0)
            {
                TryFind(address, out int index);
                ulong part = ulong.Min(left, _map[index].End - address);
                _map[index].Region.HostDirtyPages?.Mark(address - _map[index].Address, part);
                address += part;
                left -= part;
            }
        }
    }

    private bool IsTracked()
    {
        foreach (GuestMemory.Entry entry in _map)
        {
            if (entry.Region.HostDirtyPages is not null)
            {
                return true;
            }
        }

        return false;
    }
}
