namespace HvSdk.Devices.Emulated;

/// <summary>Gives the windows of devices their first places, as a firmware would: the largest first, so that none wastes room.</summary>
internal sealed class PciBarLayout(PciMemoryWindow low, PciMemoryWindow? high)
{
    private const ulong PageSize = 4096;

    /// <summary>From here on windows with registers of 64 bits go to the high addresses.</summary>
    private const ulong LargeWindow = 64 << 20;

    private ulong _usedLow;
    private ulong _usedHigh;

    /// <summary>Writes the base address registers of some functions.</summary>
    /// <param name="functions">The functions with their names.</param>
    /// <param name="problems">Gets a sentence for each window that finds no place.</param>
    public void Assign(IEnumerable<(PciFunction Function, string Name)> functions, List<string> problems)
    {
        List<(PciFunction Function, string Name, PciBar Bar)> all = [];
        foreach ((PciFunction function, string name) in functions)
        {
            foreach (PciBar bar in function.Bars)
            {
                all.Add((function, name, bar));
            }
        }

        foreach ((PciFunction function, string name, PciBar bar) in all.OrderByDescending(static entry => entry.Bar.Size))
        {
            bool isHigh = bar.IsWide && bar.Size >= LargeWindow && high is not null;
            if (isHigh && TryTake(high!.Value, ref _usedHigh, bar.Size, out ulong address))
            {
                bar.Write(function.Space, address);
            }
            else if (TryTake(low, ref _usedLow, bar.Size, out address) || (bar.IsWide && high is { } above && TryTake(above, ref _usedHigh, bar.Size, out address)))
            {
                bar.Write(function.Space, address);
            }
            else
            {
                problems.Add(
                    $"{name}: base address register {bar.Index} asks for 0x{bar.Size:X} bytes, and of the 0x{low.Size:X} at 0x{low.Address:X} not so many are left. Make it smaller, or of 64 bits.");
            }
        }
    }

    // Each has pages of its own, so that a guest can map one without another.
    private static bool TryTake(PciMemoryWindow window, ref ulong used, ulong size, out ulong address)
    {
        ulong alignment = ulong.Max(size, PageSize);
        address = (window.Address + used + alignment - 1) & ~(alignment - 1);
        if (address < window.Address || !window.Contains(address, alignment))
        {
            return false;
        }

        used = address + alignment - window.Address;
        return true;
    }
}
