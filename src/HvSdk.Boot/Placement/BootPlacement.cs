namespace HvSdk.Boot;

/// <summary>Finds places in a machine's RAM for what an image needs, and gathers in words what does not fit.</summary>
internal sealed class BootPlacement
{
    public const ulong FourGiB = 1UL << 32;
    public const ulong OneMiB = 1UL << 20;
    public const ulong PageSize = 4096;

    /// <summary>Low structures end here: the last KiBs before 640 KiB are where firmware keeps its own data.</summary>
    private const ulong LowEnd = 0x9_0000;

    private readonly List<Range> _free = []; // by address, merged
    private readonly List<Range> _taken = [];

    public BootPlacement(BootMachine machine)
    {
        Machine = machine;
        IReadOnlyList<MemoryMapEntry> map = machine.MemoryMap;
        for (int i = 0; i < map.Count; i++)
        {
            if (map[i].Kind == MemoryMapKind.Usable && map[i].Size > 0)
            {
                _free.Add(new Range(map[i].Address, EndOf(map[i].Address, map[i].Size), "RAM"));
            }
        }

        _free.Sort(static (a, b) => a.Start.CompareTo(b.Start));
        for (int i = _free.Count - 1; i > 0; i--)
        {
            if (_free[i - 1].End >= _free[i].Start)
            {
                _free[i - 1] = new Range(_free[i - 1].Start, ulong.Max(_free[i - 1].End, _free[i].End), "RAM");
                _free.RemoveAt(i);
            }
        }

        // A map promises not to overlap; where it does all the same, what is not RAM wins.
        for (int i = 0; i < map.Count; i++)
        {
            if (map[i].Kind != MemoryMapKind.Usable && map[i].Size > 0)
            {
                Remove(map[i].Address, EndOf(map[i].Address, map[i].Size));
            }
        }
    }

    public BootMachine Machine { get; }

    public List<string> Problems { get; } = [];

    /// <summary>Takes a place that is given.</summary>
    public void Reserve(string what, ulong address, ulong size)
    {
        if (size > 0 && !TryReserve(what, address, size))
        {
            Problems.Add($"{Capital(what)} goes to {Describe(address, size)}, {WhyNot(address, size)}.");
        }
    }

    public bool TryReserve(string what, ulong address, ulong size)
    {
        if (size > ulong.MaxValue - address || !_free.Exists(range => range.Start <= address && range.End >= address + size))
        {
            return false;
        }

        Take(what, address, size);
        return true;
    }

    /// <summary>Takes a place anywhere within limits; 0, and a problem, where there is none.</summary>
    public ulong Allocate(string what, ulong size, ulong alignment, ulong from, ulong below, bool highest = false)
    {
        if (!TryAllocate(what, size, alignment, from, below, highest, out ulong address))
        {
            Problems.Add(
                $"{Capital(what)} needs {Words(size)} of free RAM between 0x{from:X} and 0x{below:X}, and there is no such piece. "
                + "Give the machine more memory there.");
        }

        return address;
    }

    /// <summary>Takes a place for a small structure: below 640 KiB, where kernels leave it alone, or else at the lowest address there is.</summary>
    public ulong AllocateLow(string what, ulong size, ulong alignment = PageSize) =>
        TryAllocate(what, size, alignment, PageSize, LowEnd, highest: false, out ulong address) // not page 0: vectors and BIOS data
            ? address
            : Allocate(what, size, alignment, OneMiB, FourGiB);

    public bool TryAllocate(string what, ulong size, ulong alignment, ulong from, ulong below, bool highest, out ulong address)
    {
        for (int i = 0; i < _free.Count; i++)
        {
            Range range = _free[highest ? _free.Count - 1 - i : i];
            ulong start = ulong.Max(range.Start, from);
            ulong end = ulong.Min(range.End, below);
            ulong aligned = (start + (alignment - 1)) & ~(alignment - 1);
            if (aligned < start || aligned > end || end - aligned < size)
            {
                continue;
            }

            address = highest ? (end - size) & ~(alignment - 1) : aligned;
            Take(what, address, size);
            return true;
        }

        address = 0;
        return false;
    }

    public static string Describe(ulong address, ulong size) => $"0x{address:X} to 0x{unchecked(address + size - 1):X}";

    public static string Words(ulong size) => size switch
    {
        < 1 << 10 => $"{size} bytes",
        < 10 << 20 => $"{(size + 1023) >> 10} KiB",
        _ => $"{(size + (1 << 20) - 1) >> 20} MiB",
    };

    private string WhyNot(ulong address, ulong size)
    {
        ulong end = EndOf(address, size);
        if (_taken.Find(range => range.Start < end && address < range.End) is { } taken)
        {
            return $"where {taken.What} lies";
        }

        foreach (MemoryMapEntry entry in Machine.MemoryMap)
        {
            if (entry.Kind != MemoryMapKind.Usable && entry.Address < end && address < EndOf(entry.Address, entry.Size))
            {
                return $"part of which is not RAM for use: the machine's map says {entry.Kind} from 0x{entry.Address:X} on";
            }
        }

        return "and the machine has no RAM in part of that; give it more memory, or load elsewhere";
    }

    private void Take(string what, ulong address, ulong size)
    {
        _taken.Add(new Range(address, address + size, what));
        Remove(address, address + size);
    }

    private void Remove(ulong start, ulong end)
    {
        for (int i = _free.Count - 1; i >= 0; i--)
        {
            Range free = _free[i];
            if (free.Start >= end || free.End <= start)
            {
                continue;
            }

            _free.RemoveAt(i);
            if (end < free.End)
            {
                _free.Insert(i, free with { Start = end });
            }

            if (free.Start < start)
            {
                _free.Insert(i, free with { End = start });
            }
        }
    }

    private static ulong EndOf(ulong address, ulong size) => size > ulong.MaxValue - address ? ulong.MaxValue : address + size;

    private static string Capital(string what) => char.ToUpperInvariant(what[0]) + what[1..];

    /// <summary>Addresses from the start up to the end, which is not one of them.</summary>
    private sealed record Range(ulong Start, ulong End, string What);
}
