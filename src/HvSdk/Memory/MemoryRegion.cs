using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk;

/// <summary>A piece of memory that the guest sees at one GPA.</summary>
/// <remarks>
/// Offsets count from the region's start. All members may be called from any thread, while vCPUs run. The guest shares the bytes: what was read
/// once must be checked in the copy, never by reading again. Writes from here are dirty pages as the guest's own are. The memory lives as long
/// as the region, and a call that is under way keeps it alive beyond.
/// </remarks>
public sealed class MemoryRegion : IDisposable
{
    private readonly GuestMemory _memory;
    private readonly SafeBuffer _block;
    private readonly ulong _blockOffset;
    private readonly bool _ownsBlock;
    private HostDirtyPages? _hostDirtyPages;

    internal MemoryRegion(GuestMemory memory, SafeBuffer block, ulong blockOffset, bool ownsBlock, ulong size, MemoryAccess access, string name)
    {
        _memory = memory;
        _block = block;
        _blockOffset = blockOffset;
        _ownsBlock = ownsBlock;
        Size = size;
        Access = access;
        Name = name;
    }

    /// <summary>Where the guest sees the region, or saw it last.</summary>
    public ulong Address { get; internal set; }

    /// <summary>Size in bytes, a multiple of the page size.</summary>
    public ulong Size { get; }

    /// <summary>What the guest may do with it. The host may always read and write.</summary>
    public MemoryAccess Access { get; }

    /// <summary>The name for people.</summary>
    public string Name { get; }

    /// <summary>
    /// In which pieces the host takes pages back (<see cref="TryDiscard"/>): bytes, a power of two, the page size or that of the huge pages asked for. 0: it takes none, since the
    /// guest may not write here, or the bytes are those of a private file, or the host does not offer <see cref="HypervisorFeatures.MemoryDiscard"/>.
    /// </summary>
    public ulong DiscardUnit { get; internal init; }

    /// <summary>The guest sees the region now.</summary>
    public bool IsMapped => Mapping is not null;

    /// <summary>Written pages are being tracked.</summary>
    public bool IsTrackingDirtyPages => Volatile.Read(ref _hostDirtyPages) is not null;

    internal bool IsDisposed { get; private set; }

    /// <summary>What the backend calls this mapping, while there is one.</summary>
    internal object? Mapping { get; set; }

    internal SafeBuffer Block => _block;

    internal ulong BlockOffset => _blockOffset;

    /// <summary>Copies bytes out of the region.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="destination">Where they go; its length says how many.</param>
    public void Read(ulong offset, Span<byte> destination)
    {
        CheckRange(offset, (ulong)destination.Length);
        GuestPointer.Read(_block, _blockOffset + offset, destination);
    }

    /// <summary>Copies bytes into the region.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="source">The bytes.</param>
    public void Write(ulong offset, ReadOnlySpan<byte> source)
    {
        CheckRange(offset, (ulong)source.Length);
        GuestPointer.Write(_block, _blockOffset + offset, source);
        MarkDirty(offset, (ulong)source.Length);
    }

    /// <summary>Reads a value in the host's byte order, at any alignment.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="offset">Its first byte.</param>
    public T Read<T>(ulong offset)
        where T : unmanaged
    {
        CheckRange(offset, (ulong)Unsafe.SizeOf<T>());
        return GuestPointer.Read<T>(_block, _blockOffset + offset);
    }

    /// <summary>Writes a value in the host's byte order, at any alignment.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <param name="offset">Its first byte.</param>
    /// <param name="value">The value.</param>
    public void Write<T>(ulong offset, in T value)
        where T : unmanaged
    {
        ulong size = (ulong)Unsafe.SizeOf<T>();
        CheckRange(offset, size);
        GuestPointer.Write(_block, _blockOffset + offset, value);
        MarkDirty(offset, size);
    }

    /// <summary>Works on the bytes in place, without a copy. They count as written.</summary>
    /// <typeparam name="TState">Type of what the action needs.</typeparam>
    /// <param name="offset">First byte.</param>
    /// <param name="length">How many.</param>
    /// <param name="state">Handed to the action, so that it need not capture.</param>
    /// <param name="action">Gets a span that cannot leave it. The guest may change the bytes under it at any moment.</param>
    public void AccessInPlace<TState>(ulong offset, int length, TState state, SpanAction<byte, TState> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        CheckRange(offset, (ulong)length);
        GuestPointer.Access(_block, _blockOffset + offset, length, state, action);
        MarkDirty(offset, (ulong)length);
    }

    /// <summary>Gives pages back to the host: they cost it nothing until somebody touches them again, and read as zeros from then on.</summary>
    /// <remarks>The pages count as written. Those of a shared file become a hole in it. See <see cref="GuestMemory.TryDiscard"/>.</remarks>
    /// <param name="offset">First byte, a multiple of <see cref="DiscardUnit"/>.</param>
    /// <param name="length">How many, likewise.</param>
    /// <returns>False where the pieces are not whole or the host takes none, and then nothing has changed; or where the host refuses, which leaves each byte as it was or zero.</returns>
    public bool TryDiscard(ulong offset, ulong length)
    {
        CheckRange(offset, length);
        return IsDiscardable(offset, length) && _memory.Discard(this, offset, length);
    }

    /// <summary>Gives the memory behind a region to somebody else: another process, another mapping (Linux: the memfd; Windows: the section).</summary>
    /// <returns>A handle of the caller's own; the memory lives as long as any handle or mapping of it.</returns>
    /// <exception cref="InvalidOperationException">The region was not made with <see cref="MemoryBacking.Shareable"/>.</exception>
    public SafeFileHandle DuplicateHandle() => _memory.DuplicateHandle(this);

    /// <summary>Takes the region away from the guest and keeps its content. Nothing happens where it is not mapped.</summary>
    public void Unmap() => _memory.Unmap(this);

    /// <summary>Shows the region to the guest at a GPA: again after <see cref="Unmap"/>, or elsewhere.</summary>
    /// <param name="address">The GPA, a multiple of the page size.</param>
    /// <exception cref="ArgumentException">The range is not aligned, not addressable, or taken; the text names by whom.</exception>
    public void MapAt(ulong address) => _memory.MapAt(this, address);

    /// <summary>Starts to track written pages, all clean. Nothing happens where they are tracked already.</summary>
    /// <exception cref="NotSupportedException">The host does not offer <see cref="HypervisorFeatures.DirtyTracking"/>.</exception>
    public void StartDirtyTracking() => _memory.SetDirtyTracking(this, true);

    /// <summary>Ends the tracking and forgets what was written.</summary>
    public void StopDirtyTracking() => _memory.SetDirtyTracking(this, false);

    /// <summary>Tells which pages were written, by the guest or through this API, since tracking started or this was called last, and counts anew.</summary>
    /// <param name="bitmap">At least <see cref="DirtyPageBitmap.WordsFor"/> words; overwritten.</param>
    /// <returns>How many pages are marked.</returns>
    /// <remarks>A page that is written while this runs is in this bitmap or in the next one, never in neither. Pages are tracked while the region is mapped.</remarks>
    /// <exception cref="InvalidOperationException">Tracking is off, or the region is not mapped.</exception>
    public int CollectDirtyPages(Span<ulong> bitmap) => _memory.CollectDirtyPages(this, bitmap);

    /// <summary>Takes the region away from the guest for good and gives the memory back once no call uses it.</summary>
    public void Dispose() => _memory.Remove(this);

    internal HostDirtyPages? HostDirtyPages
    {
        get => Volatile.Read(ref _hostDirtyPages);
        set => Volatile.Write(ref _hostDirtyPages, value);
    }

    /// <summary>A range that lies within the region can be given back, as far as is known here.</summary>
    internal bool IsDiscardable(ulong offset, ulong length) =>
        DiscardUnit != 0 && (((_blockOffset + offset) | length) & (DiscardUnit - 1)) == 0;

    internal bool SharesBlockWith(MemoryRegion other) => ReferenceEquals(_block, other._block);

    internal void ReleaseBlock()
    {
        IsDisposed = true;
        if (_ownsBlock)
        {
            _block.Dispose();
        }
        else
        {
            _block.DangerousRelease();
        }
    }

    private void MarkDirty(ulong offset, ulong length) => HostDirtyPages?.Mark(offset, length);

    private void CheckRange(ulong offset, ulong length)
    {
        if (offset > Size || length > Size - offset)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), offset, $"{length} bytes at offset 0x{offset:X} do not lie within region {Name} of 0x{Size:X} bytes.");
        }

        ObjectDisposedException.ThrowIf(IsDisposed, this);
    }
}
