using System.Runtime.InteropServices;

namespace HvSdk;

/// <content>Giving pages back to the host.</content>
public sealed partial class GuestMemory
{
    /// <summary>Gives pages back to the host: they cost it nothing until somebody touches them again, and read as zeros from then on.</summary>
    /// <remarks>
    /// For balloons and the like. Views, vCPUs and devices may be at work on the pages: they find the old bytes or zeros. The pages count as written. Takes no
    /// lock; where regions share their bytes (<see cref="MapAlias"/>), all of them lose the pages.
    /// </remarks>
    /// <param name="address">GPA of the first page, a multiple of each region's <see cref="MemoryRegion.DiscardUnit"/>.</param>
    /// <param name="length">How many bytes, likewise; they may span regions that touch.</param>
    /// <returns>
    /// False where a byte is not in memory, not the guest's to write, or not the host's to take back (<see cref="MemoryRegion.DiscardUnit"/>), and then nothing has
    /// changed; or where the host refuses, which may come after part of the pages has gone.
    /// </returns>
    public bool TryDiscard(ulong address, ulong length)
    {
        Entry[] map = Volatile.Read(ref _map);
        if (!IsDiscardable(map, address, length))
        {
            return false;
        }

        while (length > 0)
        {
            TryFind(map, address, out Entry entry);
            ulong part = ulong.Min(length, entry.End - address);
            if (!Discard(entry.Region, address - entry.Address, part))
            {
                return false;
            }

            address += part;
            length -= part;
        }

        return true;
    }

    /// <summary>Gives part of a region back, which has been checked.</summary>
    internal bool Discard(MemoryRegion region, ulong offset, ulong length)
    {
        bool added = false;
        try
        {
            region.Block.DangerousAddRef(ref added);
            region.HostDirtyPages?.Mark(offset, length);
            return _backend.DiscardMemory(region.Block, region.BlockOffset + offset, length);
        }
        catch (ObjectDisposedException)
        {
            return false; // the region went after the map was looked at
        }
        finally
        {
            if (added)
            {
                region.Block.DangerousRelease();
            }
        }
    }

    private ulong FindDiscardUnit(SafeBuffer block, MemoryAccess access) =>
        access == MemoryAccess.ReadWrite && _capabilities.Supports(HypervisorFeatures.MemoryDiscard) ? _backend.GetDiscardUnit(block) : 0;

    private static bool IsDiscardable(Entry[] map, ulong address, ulong length)
    {
        while (length > 0)
        {
            if (!TryFind(map, address, out Entry entry))
            {
                return false;
            }

            ulong part = ulong.Min(length, entry.End - address);
            if (!entry.Region.IsDiscardable(address - entry.Address, part))
            {
                return false;
            }

            address += part;
            length -= part;
        }

        return true;
    }
}
