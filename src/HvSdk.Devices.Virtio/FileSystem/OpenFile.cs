namespace HvSdk.Devices.Virtio;

/// <summary>A file that a guest has open: what <see cref="SharedNode.Open"/> gives.</summary>
/// <remarks>
/// Called on the worker of the device, one call at a time. What a member throws is the guest's EIO. The spans are guest memory: what is read from them
/// may change at any moment, so check a copy; they cannot leave the call.
/// </remarks>
public abstract class OpenFile
{
    /// <summary>Reads.</summary>
    /// <param name="offset">First byte, 0 to 2^63 - 1.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="read">How many; fewer than asked for at the end of the file alone.</param>
    public virtual FileError Read(long offset, Span<byte> destination, out int read)
    {
        read = 0;
        return FileError.EBADF;
    }

    /// <summary>Writes; the file grows as needed.</summary>
    /// <param name="offset">First byte; it and the length end at most at 2^63 - 1.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="written">How many.</param>
    public virtual FileError Write(long offset, ReadOnlySpan<byte> source, out int written)
    {
        written = 0;
        return FileError.EBADF;
    }

    /// <summary>Reads into all the buffers of a request. By default <see cref="Read(long, Span{byte}, out int)"/> gets one after the other.</summary>
    /// <param name="offset">First byte, 0 to 2^63 - 1.</param>
    /// <param name="destination">Where the bytes go; gone when the call returns.</param>
    /// <param name="read">How many; fewer than asked for at the end of the file, or before an error.</param>
    public virtual FileError Read(long offset, WritableBuffers destination, out int read)
    {
        read = 0;
        FileError error = FileError.None;
        for (bool hasMore = true; hasMore && read < destination.Length && offset <= long.MaxValue - read;)
        {
            int moved = 0;
            int length = destination.Access(read, new Piece(this, offset + read, ref error, ref moved), static (span, piece) => piece.Read(span));
            hasMore = Count(ref error, ref read, moved, length);
        }

        return read > 0 ? FileError.None : error;
    }

    /// <summary>Writes all the buffers of a request; the file grows as needed. By default <see cref="Write(long, ReadOnlySpan{byte}, out int)"/> gets one after the other.</summary>
    /// <param name="offset">First byte; it and the length end at most at 2^63 - 1.</param>
    /// <param name="source">The bytes; gone when the call returns.</param>
    /// <param name="written">How many; fewer than there are before an error.</param>
    public virtual FileError Write(long offset, ReadableBuffers source, out int written)
    {
        written = 0;
        FileError error = FileError.None;
        for (bool hasMore = true; hasMore && written < source.Length;)
        {
            int moved = 0;
            int length = source.Access(written, new Piece(this, offset + written, ref error, ref moved), static (span, piece) => piece.Write(span));
            hasMore = Count(ref error, ref written, moved, length);
        }

        return written > 0 ? FileError.None : error;
    }

    /// <summary>A guest's process closes the file; others may have it open still. The place to report a write that failed late.</summary>
    public virtual FileError Flush() => FileError.None;

    /// <summary>What was written shall be on stable storage when this returns.</summary>
    /// <param name="isDataOnly">Attributes that nobody needs for reading the data may wait.</param>
    public virtual FileError Sync(bool isDataOnly) => FileError.None;

    /// <summary>Makes room, as fallocate(2).</summary>
    /// <param name="offset">First byte; it and the length end at most at 2^63 - 1.</param>
    /// <param name="length">Bytes, more than 0.</param>
    /// <param name="mode">Flags of fallocate(2); 0: the file grows as needed, and its content stays.</param>
    public virtual FileError Allocate(long offset, long length, int mode) => FileError.ENOSYS;

    /// <summary>Finds the next data, or the next hole, as lseek(2) with SEEK_DATA and SEEK_HOLE.</summary>
    /// <param name="offset">Where to start, 0 to 2^63 - 1.</param>
    /// <param name="isHole">A hole, not data.</param>
    /// <param name="found">Its offset.</param>
    public virtual FileError Seek(long offset, bool isHole, out long found)
    {
        found = 0;
        return FileError.ENOSYS;
    }

    /// <summary>Nobody in the guest has the file open by this any more. Called once.</summary>
    public virtual void Close()
    {
    }

    /// <summary>Counts what a piece has moved; false where it was the last.</summary>
    private static bool Count(ref FileError error, ref int total, int moved, int length)
    {
        if (error == FileError.None && (uint)moved > (uint)length)
        {
            error = FileError.EIO; // the provider does not know what it does
        }

        total += error == FileError.None ? moved : 0;
        return error == FileError.None && moved == length;
    }

    /// <summary>One buffer's part of a request.</summary>
    private readonly ref struct Piece(OpenFile file, long offset, ref FileError error, ref int moved)
    {
        private readonly ref FileError _error = ref error;
        private readonly ref int _moved = ref moved;

        public void Read(Span<byte> destination) => _error = file.Read(offset, destination, out _moved);

        public void Write(ReadOnlySpan<byte> source) => _error = file.Write(offset, source, out _moved);
    }
}
