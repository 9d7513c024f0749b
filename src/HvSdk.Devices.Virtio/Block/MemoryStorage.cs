namespace HvSdk.Devices.Virtio;

/// <summary>A disk in memory: gone when the process ends. Any thread may call.</summary>
/// <remarks>Pieces of 64 KiB take up memory once something was written to them, and no more once all of them was discarded. Flushing does nothing.</remarks>
public sealed class MemoryStorage : IBlockStorage
{
    private const int PieceLength = 1 << 16;
    private const long MaxLength = 1L << 44;

    private readonly Lock _gate = new();
    private byte[]?[] _pieces = [];
    private int _allocated;
    private long _length;

    /// <summary>Makes one that reads as zeroes.</summary>
    /// <param name="length">Bytes, a multiple of 512, from 512 to 16 TiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is no such.</exception>
    public MemoryStorage(long length) => SetLength(length);

    /// <summary>Makes one with a copy of some bytes in it.</summary>
    /// <param name="content">The bytes; their number is a multiple of 512, at least 512.</param>
    /// <param name="isReadOnly">The guest cannot write.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of bytes is no such.</exception>
    public MemoryStorage(ReadOnlySpan<byte> content, bool isReadOnly = false)
        : this(content.Length)
    {
        Write(0, content);
        IsReadOnly = isReadOnly;
    }

    /// <inheritdoc/>
    public long Length => Interlocked.Read(ref _length);

    /// <inheritdoc/>
    public bool IsReadOnly { get; }

    /// <inheritdoc/>
    public bool CanDiscard => true;

    /// <summary>Bytes of memory that it takes up.</summary>
    public long AllocatedLength => (long)Volatile.Read(ref _allocated) * PieceLength;

    /// <summary>Makes it longer or shorter; <see cref="BlockDevice.UpdateCapacity"/> then tells the guest. What is cut off is lost.</summary>
    /// <param name="length">Bytes, a multiple of 512, from 512 to 16 TiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is no such.</exception>
    public void SetLength(long length)
    {
        if (length is < BlockRange.SectorSize or > MaxLength || length % BlockRange.SectorSize != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(length), length, $"A disk in memory has whole sectors of {BlockRange.SectorSize} bytes, from one of them to 16 TiB. Round the length up, or take a file for more.");
        }

        lock (_gate)
        {
            int count = (int)((length + PieceLength - 1) / PieceLength);
            if (length < _length)
            {
                Erase(length, _length - length);
            }

            Array.Resize(ref _pieces, count);
            Interlocked.Exchange(ref _length, length);
        }
    }

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        lock (_gate)
        {
            BlockRange.ThrowIfBeyond(offset, destination.Length, _length);
            while (!destination.IsEmpty)
            {
                (int index, int start) = Locate(offset);
                Span<byte> part = destination[..int.Min(destination.Length, PieceLength - start)];
                if (_pieces[index] is { } piece)
                {
                    piece.AsSpan(start, part.Length).CopyTo(part);
                }
                else
                {
                    part.Clear();
                }

                offset += part.Length;
                destination = destination[part.Length..];
            }
        }
    }

    /// <inheritdoc/>
    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        if (IsReadOnly)
        {
            throw new UnauthorizedAccessException("The disk in memory is read-only.");
        }

        lock (_gate)
        {
            BlockRange.ThrowIfBeyond(offset, source.Length, _length);
            while (!source.IsEmpty)
            {
                (int index, int start) = Locate(offset);
                ReadOnlySpan<byte> part = source[..int.Min(source.Length, PieceLength - start)];
                part.CopyTo(GetOrMakePiece(index).AsSpan(start));
                offset += part.Length;
                source = source[part.Length..];
            }
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public void Discard(long offset, long length) => WriteZeroes(offset, length, mayDiscard: true);

    /// <inheritdoc/>
    public void WriteZeroes(long offset, long length, bool mayDiscard)
    {
        if (IsReadOnly)
        {
            throw new UnauthorizedAccessException("The disk in memory is read-only.");
        }

        lock (_gate)
        {
            BlockRange.ThrowIfBeyond(offset, length, _length);
            Erase(offset, length);
        }
    }

    private static (int Index, int Start) Locate(long offset) => ((int)(offset / PieceLength), (int)(offset % PieceLength));

    /// <summary>Whole pieces go, parts of them are cleared.</summary>
    private void Erase(long offset, long length)
    {
        while (length > 0)
        {
            (int index, int start) = Locate(offset);
            int part = (int)long.Min(length, PieceLength - start);
            if (part == PieceLength && _pieces[index] is not null)
            {
                _pieces[index] = null;
                Volatile.Write(ref _allocated, _allocated - 1);
            }
            else
            {
                _pieces[index]?.AsSpan(start, part).Clear();
            }

            offset += part;
            length -= part;
        }
    }

    private byte[] GetOrMakePiece(int index)
    {
        if (_pieces[index] is { } piece)
        {
            return piece;
        }

        try
        {
            piece = new byte[PieceLength];
        }
        catch (OutOfMemoryException e)
        {
            throw new IOException("The host has no memory left for the disk.", e);
        }

        _pieces[index] = piece;
        Volatile.Write(ref _allocated, _allocated + 1);
        return piece;
    }
}
