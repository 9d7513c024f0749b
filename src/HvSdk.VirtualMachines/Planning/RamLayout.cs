using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>Where a machine's RAM lies, and what the guest is told about it.</summary>
internal abstract class RamLayout
{
    public const ulong PageSize = 4096;
    public const ulong FourGiB = 1UL << 32;
    protected const ulong MinSize = 1 << 20;

    private readonly List<MemoryRange> _ranges = [];
    private readonly List<(ulong First, ulong Last)> _holes = []; // by address
    private readonly ulong _lowStart;
    private readonly ulong _lowEnd;
    private ulong _reservedStart;

    private protected RamLayout(ulong lowStart, ulong lowEnd)
    {
        _lowStart = lowStart;
        _lowEnd = _reservedStart = lowEnd;
        _ranges.Add(new MemoryRange(lowStart, lowEnd - lowStart));
    }

    /// <summary>Bytes of RAM in all.</summary>
    public ulong Size => _ranges.Aggregate(0UL, static (sum, range) => sum + range.Size);

    /// <summary>Bytes of the first range of RAM, from which devices get some for themselves (x64: all that is below 4 GiB).</summary>
    public ulong LowSize => _lowEnd - _lowStart;

    /// <summary>Bytes of all further RAM.</summary>
    public ulong HighSize => Size - LowSize;

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
        ulong limit = capabilities.GuestPhysicalAddressBits >= 64 ? ulong.MaxValue : 1UL << capabilities.GuestPhysicalAddressBits;
        ulong unit = ulong.Max(PageSize, (ulong)capabilities.PageSize);
        ulong size = options.Size;
        if (size < MinSize || size % unit != 0)
        {
            problems.Add($"{nameof(MemoryOptions)}.{nameof(MemoryOptions.Size)} is 0x{size:X} bytes; a machine has a multiple of {unit >> 10} KiB, 1 MiB at least. Set such a number.");
            size = ulong.Max(MinSize, size & ~(unit - 1));
        }

        RamLayout layout = capabilities.Architecture == GuestArchitecture.Arm64
            ? Arm64RamLayout.Create(size, limit, capabilities, problems)
            : PcRamLayout.Create(size, options.HoleStart, limit, capabilities, problems);
        foreach (MemoryRange range in options.FurtherRanges)
        {
            layout.Add(range, limit, problems);
        }

        layout._ranges.Sort(static (x, y) => x.Address.CompareTo(y.Address));
        return layout;
    }

    /// <summary>Tells whether a range is RAM from end to end.</summary>
    public bool Contains(ulong address, ulong size) => Ranges.Any(range => address >= range.Address && address < range.End && size <= range.End - address);

    /// <summary>Takes RAM away where a device wants a window, where the machine's kind allows that; true where nothing is in the way.</summary>
    public bool TryMakeRoom(ulong first, ulong last)
    {
        if (!_ranges.Exists(range => first < range.End && last >= range.Address))
        {
            return true;
        }

        if (!CanGiveWay(first, last))
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

    /// <summary>Takes some memory away from the guest's use, from the top of the first range.</summary>
    public bool TryReserve(ulong size, ulong alignment, out ulong address)
    {
        address = 0;
        if (size == 0 || size > _reservedStart)
        {
            return false;
        }

        ulong start = (_reservedStart - size) & ~(alignment - 1);
        if (start < ReservationFloor)
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
        List<MemoryMapEntry> map = [.. MapStart(_lowStart, usableEnd)];
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
            if (range.Address != _lowStart)
            {
                map.Add(new(range.Address, range.Size, MemoryMapKind.Usable));
            }
        }

        return map;
    }

    /// <summary>Reservations of devices lie at this address or above.</summary>
    protected abstract ulong ReservationFloor { get; }

    /// <summary>Tells whether RAM may be replaced by a window.</summary>
    protected abstract bool CanGiveWay(ulong first, ulong last);

    /// <summary>The map of the first range, up to what is reserved at its end.</summary>
    protected abstract IEnumerable<MemoryMapEntry> MapStart(ulong start, ulong usableEnd);

    /// <summary>Adds a range of the machine's own.</summary>
    protected void Add(MemoryRange range) => _ranges.Add(range);

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
