namespace HvSdk.Devices.Virtio;

/// <summary>The content of a file in memory: blocks that are made when they are first written. The tree's budget pays for all of the size, so holes cost no less.</summary>
/// <remarks>A file that fits into one block has a smaller one, whose length is a power of two.</remarks>
internal sealed class MemoryBlocks
{
    /// <summary>Small enough to stay out of the large-object heap.</summary>
    public const int BlockSize = 1 << 15;

    private const int MinLength = 256;

    private byte[]?[] _blocks = [];

    public long Size { get; private set; }

    /// <summary>What a content of a size takes from the budget.</summary>
    public static long Cost(long size) =>
        size == 0 ? 0 : size <= BlockSize ? (long)ulong.Max(System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)size), MinLength) : (size + BlockSize - 1) / BlockSize * BlockSize;

    /// <summary>Cuts or grows; the budget has been paid.</summary>
    public void Resize(long size)
    {
        int count = (int)((size + BlockSize - 1) / BlockSize);
        if (size < Size)
        {
            Shrink(size, count);
        }
        else if (count > _blocks.Length)
        {
            // By half more than needed, so that a file that grows bit by bit is not copied each time.
            Array.Resize(ref _blocks, count <= 2 ? count : (int)long.Min(count + (count / 2L), Array.MaxLength));
        }

        Size = size;
    }

    public int Read(long offset, Span<byte> destination)
    {
        int length = (int)long.Clamp(Size - offset, 0, destination.Length);
        for (int done = 0; done < length;)
        {
            (int index, int start) = Locate(offset + done);
            Span<byte> part = destination.Slice(done, int.Min(length - done, BlockSize - start));
            byte[]? block = _blocks[index];
            int inside = int.Clamp((block?.Length ?? 0) - start, 0, part.Length);
            block?.AsSpan(start, inside).CopyTo(part);
            part[inside..].Clear();
            done += part.Length;
        }

        return length;
    }

    /// <summary>Writes within the size.</summary>
    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            (int index, int start) = Locate(offset);
            int length = int.Min(source.Length, BlockSize - start);
            source[..length].CopyTo(BlockFor(index, start + length).AsSpan(start));
            source = source[length..];
            offset += length;
        }
    }

    /// <summary>Zeros within the size; whole blocks go.</summary>
    public void Clear(long offset, long length)
    {
        for (long end = long.Min(offset + length, Size); offset < end;)
        {
            (int index, int start) = Locate(offset);
            int part = (int)long.Min(end - offset, BlockSize - start);
            if (part == BlockSize)
            {
                _blocks[index] = null;
            }
            else if (_blocks[index] is { } block && start < block.Length)
            {
                block.AsSpan(start, int.Min(part, block.Length - start)).Clear();
            }

            offset += part;
        }
    }

    private static (int Index, int Start) Locate(long offset) => ((int)(offset / BlockSize), (int)(offset % BlockSize));

    private byte[] BlockFor(int index, int length)
    {
        ref byte[]? block = ref _blocks[index];
        int wanted = index > 0 || Size > BlockSize ? BlockSize : (int)Cost(length);
        if (block is null)
        {
            block = new byte[wanted];
        }
        else if (block.Length < wanted)
        {
            Array.Resize(ref block, wanted);
        }

        return block;
    }

    private void Shrink(long size, int count)
    {
        _blocks.AsSpan(int.Min(count, _blocks.Length)).Clear();
        if (count < _blocks.Length / 2)
        {
            Array.Resize(ref _blocks, count);
        }

        // What is cut off must not come back when the file grows again.
        int rest = (int)(size % BlockSize);
        if (rest != 0 && _blocks[count - 1] is { } last && rest < last.Length)
        {
            last.AsSpan(rest).Clear();
            if (count == 1 && Cost(size) < last.Length)
            {
                Array.Resize(ref _blocks[0], (int)Cost(size));
            }
        }
    }
}
