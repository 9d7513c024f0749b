namespace HvSdk.Boot;

/// <summary>Finds places in a machine's RAM for what an image needs, and gathers in words what does not fit.</summary>
internal sealed class BootPlacement
{
    public const ulong FourGiB = 1UL << 32;
    public const ulong OneMiB = 1UL << 20;
    public const ulong PageSize = 4096;

    /// <summary>Low structures end here: the last KiBs before 640 KiB are where firmware keeps its own data.</summary>
    private const ulong LowEnd = 0x9_0000;

    // By address, merged, ends exclusive.
    private readonly List<(ulong Start, ulong End)> _free = [];
    private readonly List<(ulong Start, ulong End, string What)> _taken = [];

    public BootPlacement(BootMachine machine)
    {
        Machine = machine;
        foreach (MemoryMapEntry entry in machine.MemoryMap.Where(static e => e.Kind == MemoryMapKind.Usable && e.Size > 0).OrderBy(static e => e.Address))
        {
            ulong end = End(entry.Address, entry.Size);
            if (_free is [.., var last] && last.End >= entry.Address)
            {
                _free[^1] = (last.Start, ulong.Max(last.End, end));
            }
            else
            {
                _free.Add((entry.Address, end));
            }
        }

        // A map promises not to overlap; where it does all the same, what is not RAM wins.
        foreach (MemoryMapEntry entry in machine.MemoryMap.Where(static e => e.Kind != MemoryMapKind.Usable && e.Size > 0))
        {
            Remove(entry.Address, End(entry.Address, entry.Size));
        }
    }

    public BootMachine Machine { get; }

    public List<string> Problems { get; } = [];

    /// <summary>Takes a place that is given.</summary>
    public void Reserve(string what, ulong address, ulong size)
    {
        if (size > 0 && !TryReserve(what, address, size))
        {
            Problems.Add($"{Capital(what)} goes to {Range(address, size)}, {WhyNot(address, size)}.");
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
            (ulong start, ulong end) = _free[highest ? _free.Count - 1 - i : i];
            start = ulong.Max(start, from);
            end = ulong.Min(end, below);
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

    public static string Range(ulong address, ulong size) => $"0x{address:X} to 0x{unchecked(address + size - 1):X}";

    public static string Words(ulong size) => size switch
    {
        < 1 << 10 => $"{size} bytes",
        < 10 << 20 => $"{(size + 1023) >> 10} KiB",
        _ => $"{(size + (1 << 20) - 1) >> 20} MiB",
    };

    private string WhyNot(ulong address, ulong size)
    {
        ulong end = End(address, size);
        foreach ((ulong takenStart, ulong takenEnd, string what) in _taken)
        {
            if (takenStart < end && address < takenEnd)
            {
                return $"where {what} lies";
            }
        }

        foreach (MemoryMapEntry entry in Machine.MemoryMap)
        {
            if (entry.Kind != MemoryMapKind.Usable && entry.Address < end && address < End(entry.Address, entry.Size))
            {
                return $"part of which is not RAM for use: the machine's map says {entry.Kind} from 0x{entry.Address:X} on";
            }
        }

        return "and the machine has no RAM in part of that; give it more memory, or load elsewhere";
    }

    private void Take(string what, ulong address, ulong size)
    {
        _taken.Add((address, address + size, what));
        Remove(address, address + size);
    }

    private void Remove(ulong start, ulong end)
    {
        for (int i = _free.Count - 1; i >= 0; i--)
        {
            (ulong freeStart, ulong freeEnd) = _free[i];
            if (freeStart >= end || freeEnd <= start)
            {
                continue;
            }

            _free.RemoveAt(i);
            if (end < freeEnd)
            {
                _free.Insert(i, (end, freeEnd));
            }

            if (freeStart < start)
            {
                _free.Insert(i, (freeStart, start));
            }
        }
    }

    private static ulong End(ulong address, ulong size) => size > ulong.MaxValue - address ? ulong.MaxValue : address + size;

    private static string Capital(string what) => char.ToUpperInvariant(what[0]) + what[1..];
}
