using System.Runtime.InteropServices;
using HvSdk.Backends;
using Microsoft.Win32.SafeHandles;

namespace HvSdk;

/// <summary>The memory of one partition: a sorted map of <see cref="MemoryRegion"/>s, changeable while vCPUs run.</summary>
/// <remarks>
/// All members may be called from any thread; lookups take no lock. Addresses are GPAs. The Try forms serve devices, which get their addresses
/// from a guest that may lie; the others serve the caller, whose wrong address is a mistake.
/// </remarks>
public sealed partial class GuestMemory
{
    private readonly Partition _partition;
    private readonly PartitionBackend _backend;
    private readonly HypervisorCapabilities _capabilities;
    private readonly List<MemoryRegion> _owned = [];
    private Entry[] _map = [];

    internal GuestMemory(Partition partition, PartitionBackend backend, HypervisorCapabilities capabilities)
    {
        _partition = partition;
        _backend = backend;
        _capabilities = capabilities;
    }

    internal PartitionBackend Backend => _backend;

    /// <summary>The regions that the guest sees now, by address.</summary>
    public IReadOnlyList<MemoryRegion> Regions => Array.ConvertAll(Volatile.Read(ref _map), static entry => entry.Region);

    /// <summary>Makes RAM and shows it to the guest.</summary>
    /// <param name="address">GPA of its first byte, a multiple of the page size.</param>
    /// <param name="size">Its size in bytes, a multiple of the page size, not zero.</param>
    /// <param name="options">How it is made; null: anonymous RAM that the guest may write.</param>
    /// <returns>The region; disposing of it, or of the partition, removes it.</returns>
    /// <exception cref="ArgumentException">The range is not aligned, not addressable, or taken; the text names by whom.</exception>
    /// <exception cref="NotSupportedException">The options need a feature that the host does not offer.</exception>
    /// <exception cref="HypervisorException">The host has no memory, no huge pages or no slot left, or cannot map the file.</exception>
    public MemoryRegion Map(ulong address, ulong size, MemoryRegionOptions? options = null)
    {
        options ??= new MemoryRegionOptions();
        ValidateOptions(options);
        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            ValidateRange(address, size, options.Access, ignored: null);
            SafeBuffer block = _backend.AllocateMemory(size, options);
            var region = new MemoryRegion(this, block, 0, ownsBlock: true, size, options.Access, options.Name) { DiscardUnit = FindDiscardUnit(block, options.Access) };
            AddOrRelease(region, address, options.TrackDirtyPages);
            return region;
        }
    }

    /// <summary>Shows part of a region at a second GPA: the same bytes, seen twice.</summary>
    /// <param name="address">GPA of the alias, a multiple of the page size.</param>
    /// <param name="region">The region.</param>
    /// <param name="offset">First byte of the part, a multiple of the page size.</param>
    /// <param name="size">Size of the part, a multiple of the page size.</param>
    /// <param name="access">What the guest may do through the alias.</param>
    /// <returns>The alias. It keeps the bytes alive; pages dirtied through it are its own.</returns>
    public MemoryRegion MapAlias(ulong address, MemoryRegion region, ulong offset, ulong size, MemoryAccess access = MemoryAccess.ReadWrite)
    {
        ArgumentNullException.ThrowIfNull(region);
        if (offset % (uint)_capabilities.PageSize != 0 || offset > region.Size || size > region.Size - offset)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), offset, $"0x{size:X} bytes at offset 0x{offset:X} are not whole pages within region {region.Name} of 0x{region.Size:X} bytes.");
        }

        ValidateOptions(new MemoryRegionOptions { Access = access });
        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            ObjectDisposedException.ThrowIf(region.IsDisposed, region);
            RequireOwn(region);
            ValidateRange(address, size, access, ignored: null);
            bool added = false;
            region.Block.DangerousAddRef(ref added);
            var alias = new MemoryRegion(this, region.Block, region.BlockOffset + offset, ownsBlock: false, size, access, $"{region.Name} (alias)")
            {
                DiscardUnit = FindDiscardUnit(region.Block, access),
            };
            AddOrRelease(alias, address, trackDirtyPages: false);
            return alias;
        }
    }

    /// <summary>The region that a GPA lies in, or null.</summary>
    /// <param name="address">The GPA.</param>
    public MemoryRegion? Find(ulong address) => TryFind(Volatile.Read(ref _map), address, out Entry entry) ? entry.Region : null;

    /// <summary>Names the memory that a device window at this place would be hidden by, or null. ROM may lie under a window, which then gets its writes.</summary>
    internal string? FindConflict(ulong address, ulong end)
    {
        foreach (Entry entry in Volatile.Read(ref _map))
        {
            if (address < entry.End && entry.Address < end && entry.Region.Access == MemoryAccess.ReadWrite)
            {
                return Describe(entry);
            }
        }

        return null;
    }

    internal void MapAt(MemoryRegion region, ulong address)
    {
        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            ObjectDisposedException.ThrowIf(region.IsDisposed, region);
            ValidateRange(address, region.Size, region.Access, ignored: region);
            bool track = region.IsTrackingDirtyPages;
            RemoveFromMap(region);
            AddToMap(region, address, track);
        }
    }

    internal void Unmap(MemoryRegion region)
    {
        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            ObjectDisposedException.ThrowIf(region.IsDisposed, region);
            RemoveFromMap(region);
        }
    }

    internal void Remove(MemoryRegion region)
    {
        lock (_partition.Gate)
        {
            if (region.IsDisposed)
            {
                return;
            }

            if (!_partition.IsDisposed)
            {
                RemoveFromMap(region);
            }

            Release(region);
        }
    }

    internal SafeFileHandle DuplicateHandle(MemoryRegion region)
    {
        lock (_partition.Gate)
        {
            ObjectDisposedException.ThrowIf(region.IsDisposed, region);
            return _backend.DuplicateHandle(region.Block) ?? throw new InvalidOperationException(
                $"Region {region.Name} was not made to be shared. Map it with {nameof(MemoryBacking)}.{nameof(MemoryBacking.Shareable)}.");
        }
    }

    internal void SetDirtyTracking(MemoryRegion region, bool enabled)
    {
        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            ObjectDisposedException.ThrowIf(region.IsDisposed, region);
            if (enabled == region.IsTrackingDirtyPages)
            {
                return;
            }

            if (enabled)
            {
                _capabilities.Require(HypervisorFeatures.DirtyTracking);
            }

            if (region.Mapping is { } mapping)
            {
                _backend.SetDirtyTracking(mapping, enabled);
            }

            region.HostDirtyPages = enabled ? new HostDirtyPages(region.Size, _capabilities.PageSize) : null;
        }
    }

    internal int CollectDirtyPages(MemoryRegion region, Span<ulong> bitmap)
    {
        int words = DirtyPageBitmap.WordsFor(region.Size, _capabilities.PageSize);
        if (bitmap.Length < words)
        {
            throw new ArgumentException(
                $"Region {region.Name} of 0x{region.Size:X} bytes needs a bitmap of {words} words, and this one has {bitmap.Length}.", nameof(bitmap));
        }

        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            ObjectDisposedException.ThrowIf(region.IsDisposed, region);
            if (region.HostDirtyPages is not { } hostDirtyPages || region.Mapping is not { } mapping)
            {
                throw new InvalidOperationException(
                    $"Region {region.Name} does not track dirty pages, or is not mapped. Call {nameof(MemoryRegion.StartDirtyTracking)} first.");
            }

            bitmap = bitmap[..words];
            _backend.CollectDirtyPages(mapping, bitmap);
            hostDirtyPages.MoveTo(bitmap);
            return DirtyPageBitmap.Count(bitmap);
        }
    }

    /// <summary>Gives all memory back; the native partition is gone by now.</summary>
    internal void ReleaseAll()
    {
        lock (_partition.Gate)
        {
            Volatile.Write(ref _map, []);
            foreach (MemoryRegion region in _owned.ToArray())
            {
                region.Mapping = null;
                Release(region);
            }
        }
    }

    private static string Describe(Entry entry) => $"region {entry.Region.Name} at 0x{entry.Address:X} to 0x{entry.End - 1:X}";

    private void AddOrRelease(MemoryRegion region, ulong address, bool trackDirtyPages)
    {
        _owned.Add(region);
        try
        {
            if (trackDirtyPages)
            {
                region.HostDirtyPages = new HostDirtyPages(region.Size, _capabilities.PageSize);
            }

            AddToMap(region, address, trackDirtyPages);
        }
        catch
        {
            Release(region);
            throw;
        }
    }

    private void AddToMap(MemoryRegion region, ulong address, bool trackDirtyPages)
    {
        region.Mapping = _backend.MapMemory(address, region.Block, region.BlockOffset, region.Size, region.Access, trackDirtyPages);
        region.Address = address;
        Entry[] map = [.. _map, new Entry(address, address + region.Size, region)];
        Array.Sort(map, static (x, y) => x.Address.CompareTo(y.Address));
        Volatile.Write(ref _map, map);
    }

    private void RemoveFromMap(MemoryRegion region)
    {
        if (region.Mapping is not { } mapping)
        {
            return;
        }

        _backend.UnmapMemory(mapping);
        region.Mapping = null;
        Volatile.Write(ref _map, Array.FindAll(_map, entry => entry.Region != region));
    }

    private void Release(MemoryRegion region)
    {
        _owned.Remove(region);
        region.ReleaseBlock();
    }

    internal readonly record struct Entry(ulong Address, ulong End, MemoryRegion Region);
}
