using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>Where a machine's RAM lies, and what the guest is told about it.</summary>
/// <remarks>
/// A PC's first MiB: RAM up to 0xA0000, then what was a PC's screen and ROMs. Here that is RAM too, which the guest is told to leave alone and in
/// which the tables lie; windows of devices may take its place page by page.
/// </remarks>
internal sealed class RamLayout
{
    public const ulong PageSize = 4096;
    public const ulong FourGiB = 1UL << 32;
    public const ulong LegacyStart = 0xA_0000;
    public const ulong TablesStart = 0xE_0000;
    public const ulong LegacyEnd = 0x10_0000;
    private const ulong MinSize = 1 << 20;
    private const ulong MinHoleStart = 16 << 20;
    private const ulong MaxHoleStart = 0xE000_0000;
    private const ulong HoleAlignment = 2 << 20;

    private readonly List<MemoryRange> _ranges = [];
    private readonly List<(ulong First, ulong Last)> _holes = []; // by address
    private ulong _reservedStart;
    private readonly ulong _lowEnd;

    private RamLayout(ulong lowEnd)
    {
        _lowEnd = _reservedStart = lowEnd;
    }

    /// <summary>Bytes of RAM in all.</summary>
    public ulong Size => _ranges.Aggregate(0UL, static (sum, range) => sum + range.Size);

    /// <summary>Bytes of RAM below 4 GiB.</summary>
    public ulong LowSize => _lowEnd;

    /// <summary>Bytes of RAM from 4 GiB on.</summary>
    public ulong HighSize => Size - _lowEnd;

    /// <summary>The ranges to map, with the rooms that were made for devices left out.</summary>
    public IEnumerable<MemoryRange> Ranges
    {
        get
        {
            foreach (MemoryRange range in _ranges)
            {
                ulong start = range.Address;
                foreach ((ulong first, ulong last) in _holes)
                {
                    if (first >= range.End || last < range.Address)
                    {
                        continue;
                    }

                    if (first > start)
                    {
                        yield return new MemoryRange(start, first - start);
                    }

                    start = ulong.Max(start, last + 1);
                }

                if (start < range.End)
                {
                    yield return new MemoryRange(start, range.End - start);
                }
            }
        }
    }

    /// <summary>Lays the RAM out.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="capabilities">What the host can do.</param>
    /// <param name="problems">Gets a sentence for all that is wrong.</param>
    public static RamLayout Create(MemoryOptions options, HypervisorCapabilities capabilities, List<string> problems)
    {
        ulong size = options.Size;
        ulong holeStart = options.HoleStart;
        if (size < MinSize || size % PageSize != 0)
        {
            problems.Add($"{nameof(MemoryOptions)}.{nameof(MemoryOptions.Size)} is 0x{size:X} bytes; a machine has a multiple of 4 KiB, 1 MiB at least. Set such a number.");
            size = ulong.Max(MinSize, size & ~(PageSize - 1));
        }

        if (holeStart is < MinHoleStart or > MaxHoleStart || holeStart % HoleAlignment != 0)
        {
            problems.Add($"{nameof(MemoryOptions)}.{nameof(MemoryOptions.HoleStart)} is 0x{holeStart:X}; it is a multiple of 2 MiB from 16 MiB to 3.5 GiB. Set such a number.");
            holeStart = 3UL << 30;
        }

        ulong limit = capabilities.GuestPhysicalAddressBits >= 64 ? ulong.MaxValue : 1UL << capabilities.GuestPhysicalAddressBits;
        if (size > limit - FourGiB)
        {
            problems.Add($"{nameof(MemoryOptions)}.{nameof(MemoryOptions.Size)} is 0x{size:X} bytes, and guest addresses have {capabilities.GuestPhysicalAddressBits} bits here. Give the machine less.");
            size = holeStart;
        }

        var layout = new RamLayout(ulong.Min(size, holeStart));
        layout._ranges.Add(new MemoryRange(0, layout._lowEnd));
        if (size > holeStart)
        {
            layout._ranges.Add(new MemoryRange(FourGiB, size - holeStart));
        }

        foreach (MemoryRange range in options.FurtherRanges)
        {
            layout.Add(range, limit, problems);
        }

        layout._ranges.Sort(static (x, y) => x.Address.CompareTo(y.Address));
        return layout;
    }

    /// <summary>Tells whether a range is RAM from end to end.</summary>
    public bool Contains(ulong address, ulong size) => Ranges.Any(range => address >= range.Address && address < range.End && size <= range.End - address);

    /// <summary>Takes RAM away where a device wants a window, which it may among a PC's former ROMs and screen; true where nothing is in the way.</summary>
    public bool TryMakeRoom(ulong first, ulong last)
    {
        if (!_ranges.Exists(range => first < range.End && last >= range.Address))
        {
            return true;
        }

        if (first < LegacyStart || last >= TablesStart)
        {
            return false;
        }

        (ulong First, ulong Last) hole = (first & ~(PageSize - 1), last | (PageSize - 1));
        if (!_holes.Contains(hole))
        {
            int place = _holes.FindIndex(other => other.First > hole.First);
            _holes.Insert(place < 0 ? _holes.Count : place, hole);
        }

        return true;
    }

    /// <summary>Takes some memory away from the guest's use, from the top of what lies below 4 GiB.</summary>
    public bool TryReserve(ulong size, ulong alignment, out ulong address)
    {
        address = 0;
        if (size == 0 || size > _reservedStart)
        {
            return false;
        }

        ulong start = (_reservedStart - size) & ~(alignment - 1);
        if (start < LegacyEnd)
        {
            return false;
        }

        address = _reservedStart = start;
        return true;
    }

    /// <summary>The map that the guest is given.</summary>
    /// <param name="reserved">GPAs without RAM, between it and 4 GiB, that the guest is told to leave alone; an empty range: none.</param>
    public IReadOnlyList<MemoryMapEntry> CreateMap(MemoryRange reserved = default)
    {
        ulong usableEnd = _reservedStart & ~(PageSize - 1);
        List<MemoryMapEntry> map = [new(0, ulong.Min(LegacyStart, usableEnd), MemoryMapKind.Usable), new(LegacyStart, LegacyEnd - LegacyStart, MemoryMapKind.Reserved)];
        if (usableEnd > LegacyEnd)
        {
            map.Add(new(LegacyEnd, usableEnd - LegacyEnd, MemoryMapKind.Usable));
        }

        if (usableEnd < _lowEnd)
        {
            map.Add(new(usableEnd, _lowEnd - usableEnd, MemoryMapKind.Reserved));
        }

        if (reserved.Size > 0)
        {
            map.Add(new(reserved.Address, reserved.Size, MemoryMapKind.Reserved));
        }

        foreach (MemoryRange range in _ranges)
        {
            if (range.Address >= FourGiB)
            {
                map.Add(new(range.Address, range.Size, MemoryMapKind.Usable));
            }
        }

        return map;
    }

    private void Add(MemoryRange range, ulong limit, List<string> problems)
    {
        if (range.Size == 0 || range.Address % PageSize != 0 || range.Size % PageSize != 0)
        {
            problems.Add($"The range of memory at 0x{range.Address:X} with 0x{range.Size:X} bytes is empty or not made of pages of 4 KiB. Align it.");
        }
        else if (range.Address < FourGiB || range.Size > limit || range.Address > limit - range.Size)
        {
            problems.Add($"The range of memory at 0x{range.Address:X} with 0x{range.Size:X} bytes is not between 4 GiB and 0x{limit:X}, where guest addresses end here. Move it.");
        }
        else if (_ranges.Find(other => range.Address < other.End && other.Address < range.End) is { Size: > 0 } taken)
        {
            problems.Add($"The range of memory {range} overlaps that at {taken}. Move one of them.");
        }
        else
        {
            _ranges.Add(range);
        }
    }
}
