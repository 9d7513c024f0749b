using System.Buffers;

namespace HvSdk.Boot;

/// <summary>Writes into guest memory in big pieces, with progress and cancellation between them.</summary>
internal sealed class BootWriter(GuestMemory memory, IProgress<BootProgress>? progress, CancellationToken cancellationToken)
{
    private const int ChunkSize = 4 << 20;
    private const int ClearSize = 64 << 10;

    public void Write(ulong address, ReadOnlySpan<byte> data)
    {
        if (!memory.TryWrite(address, data))
        {
            throw NotMapped(address);
        }
    }

    public bool TryRead(ulong address, Span<byte> data) => memory.TryRead(address, data);

    /// <summary>Copies part of a file; the bytes go from the file straight to where the guest sees them.</summary>
    public void Copy(string step, BootFile file, long offset, ulong address, long length)
    {
        var state = new FileRead(file);
        for (long done = 0; done < length; done += state.Count)
        {
            MemoryRegion region = Find(address + (ulong)done, (ulong)(length - done), out int count);
            state.Offset = offset + done;
            region.AccessInPlace(address + (ulong)done - region.Address, count, state, static (span, read) => read.Count = read.File.Read(read.Offset, span));
            if (state.Count < count)
            {
                throw new BootImageException(
                    file.Name, "content", offset + done + state.Count, "the end of the file", $"{length - done - state.Count} more bytes, which it had before");
            }

            Report(step, done + count, length);
        }
    }

    /// <summary>Clears memory. What is zero already, as fresh RAM is, stays untouched, so that the host need not provide pages for it.</summary>
    public void Clear(ulong address, ulong length)
    {
        while (length > 0)
        {
            MemoryRegion region = Find(address, length, out int count);
            region.AccessInPlace<object?>(address - region.Address, count, null, static (span, _) =>
            {
                for (; !span.IsEmpty; span = span[int.Min(ClearSize, span.Length)..])
                {
                    Span<byte> piece = span[..int.Min(ClearSize, span.Length)];
                    if (piece.ContainsAnyExcept((byte)0))
                    {
                        piece.Clear();
                    }
                }
            });
            address += (uint)count;
            length -= (uint)count;
        }
    }

    /// <summary>Lets an action fill the next bytes in place: as many as lie together, at most <paramref name="length"/> and a few MiB.</summary>
    /// <returns>How many the action was given.</returns>
    public int Fill<TState>(ulong address, ulong length, TState state, SpanAction<byte, TState> action)
    {
        MemoryRegion region = Find(address, length, out int count);
        region.AccessInPlace(address - region.Address, count, state, action);
        return count;
    }

    /// <summary>Lets an action fill bytes in place, or does nothing where they do not lie together.</summary>
    public bool TryFillWhole<TState>(ulong address, int length, TState state, SpanAction<byte, TState> action)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (memory.Find(address) is not { } region || region.Size - (address - region.Address) < (ulong)length)
        {
            return false;
        }

        region.AccessInPlace(address - region.Address, length, state, action);
        return true;
    }

    public void Report(string step, long done, long total)
    {
        cancellationToken.ThrowIfCancellationRequested();
        progress?.Report(new BootProgress(step, done, total));
    }

    private MemoryRegion Find(ulong address, ulong length, out int count)
    {
        cancellationToken.ThrowIfCancellationRequested();
        MemoryRegion region = memory.Find(address) ?? throw NotMapped(address);
        count = (int)ulong.Min(ulong.Min(length, ChunkSize), region.Size - (address - region.Address));
        return region;
    }

    private static InvalidOperationException NotMapped(ulong address) =>
        new($"No memory is mapped at 0x{address:X}. Map all RAM of the machine's map, and the image's {nameof(BootImage.Regions)}, before it is loaded.");

    private sealed class FileRead(BootFile file)
    {
        public BootFile File { get; } = file;

        public long Offset { get; set; }

        public int Count { get; set; }
    }
}
