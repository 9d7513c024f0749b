namespace HvSdk;

/// <content>What a caller may ask for.</content>
public sealed partial class GuestMemory
{
    private void ValidateOptions(MemoryRegionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options.Backing);
        ArgumentNullException.ThrowIfNull(options.Name);
        RequireMember(options.Access, nameof(options.Access));
        RequireMember(options.HugePages, nameof(options.HugePages));
        if (options.Access == MemoryAccess.ReadOnly)
        {
            _capabilities.Require(HypervisorFeatures.ReadOnlyMemory);
        }

        if (options.TrackDirtyPages)
        {
            _capabilities.Require(HypervisorFeatures.DirtyTracking);
        }

        // A wish needs nothing: a host that cannot does what it does by itself.
        if (options.HugePages is not (HugePages.None or HugePages.Transparent))
        {
            _capabilities.Require(HypervisorFeatures.HugePages);
        }
    }

    private static void RequireMember<T>(T value, string parameter)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new ArgumentOutOfRangeException(parameter, value, $"{value} is not a member of {typeof(T).Name}. Use one of {string.Join(", ", Enum.GetNames<T>())}.");
        }
    }

    private void ValidateRange(ulong address, ulong size, MemoryAccess access, MemoryRegion? ignored)
    {
        ulong pageSize = (ulong)_capabilities.PageSize;
        if (address % pageSize != 0)
        {
            throw new ArgumentException($"GPA 0x{address:X} is not a multiple of the page size, {pageSize} bytes.", nameof(address));
        }

        if (size == 0 || size % pageSize != 0)
        {
            throw new ArgumentException($"Size 0x{size:X} is zero or not a multiple of the page size, {pageSize} bytes.", nameof(size));
        }

        if (size > _capabilities.MaxMemoryRegionSize)
        {
            throw new ArgumentOutOfRangeException(
                nameof(size), size, $"{_capabilities.BackendName} maps at most 0x{_capabilities.MaxMemoryRegionSize:X} bytes at once. Map the memory as several regions.");
        }

        ulong limit = 1UL << _capabilities.GuestPhysicalAddressBits;
        if (address >= limit || size > limit - address)
        {
            throw new ArgumentOutOfRangeException(
                nameof(address), address,
                $"0x{size:X} bytes at GPA 0x{address:X} do not fit below 0x{limit:X}: guest addresses have {_capabilities.GuestPhysicalAddressBits} bits here.");
        }

        foreach (Entry entry in _map)
        {
            if (entry.Region != ignored && address < entry.End && entry.Address < address + size)
            {
                throw new ArgumentException(
                    $"0x{size:X} bytes at GPA 0x{address:X} overlap {Describe(entry)}. Choose another address, or unmap that region first.", nameof(address));
            }
        }

        if (access == MemoryAccess.ReadWrite && (_partition.Mmio.FindConflict(address, address + size) ?? _partition.FindDoorbell(address, address + size)) is { } window)
        {
            throw new ArgumentException(
                $"0x{size:X} bytes at GPA 0x{address:X} would hide {window}. Choose another address, or remove that first.", nameof(address));
        }

        if (_map.Length >= _capabilities.MaxMemoryRegions && ignored is not { IsMapped: true })
        {
            throw new InvalidOperationException(
                $"The partition has {_map.Length} memory regions, the most that {_capabilities.BackendName} offers. Map fewer, larger ones.");
        }
    }

    private void RequireOwn(MemoryRegion region)
    {
        if (!_owned.Contains(region))
        {
            throw new ArgumentException($"Region {region.Name} belongs to another partition.", nameof(region));
        }
    }
}
