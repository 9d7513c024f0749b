using System.Globalization;

namespace HvSdk.Benchmarks.Boot;

/// <summary>Resident memory of a process, in KiB, with its guests' RAM apart.</summary>
/// <param name="Rss">All of it.</param>
/// <param name="Pss">All of it, pages shared with other processes counted by their share.</param>
/// <param name="GuestRss">What of it is RAM that guests have touched.</param>
internal readonly record struct ProcessMemory(long Rss, long Pss, long GuestRss)
{
    /// <summary>What is not RAM of a guest.</summary>
    public long Overhead => Rss - GuestRss;

    /// <summary>The same; no guest shares its RAM here.</summary>
    public long PssOverhead => Pss - GuestRss;

    /// <summary>Reads it.</summary>
    /// <param name="process">"self", or the number of a process.</param>
    /// <param name="guestRam">Bytes of RAM of a guest. Mappings of that size or more are RAM: neighbours of the same kind become one mapping.</param>
    public static ProcessMemory Read(string process, ulong guestRam)
    {
        (long rss, long pss, long guest) = (0, 0, 0);
        bool isGuest = false;
        foreach (string line in File.ReadLines($"/proc/{process}/smaps"))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            if (dash > 0 && (colon < 0 || dash < colon))
            {
                string[] range = line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-');
                ulong size = ulong.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture) - ulong.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                isGuest = size >= guestRam && line.Contains(" rw", StringComparison.Ordinal);
            }
            else if (line.StartsWith("Rss:", StringComparison.Ordinal))
            {
                long value = Number(line);
                rss += value;
                guest += isGuest ? value : 0;
            }
            else if (line.StartsWith("Pss:", StringComparison.Ordinal))
            {
                pss += Number(line);
            }
        }

        return new ProcessMemory(rss, pss, guest);
    }

    private static long Number(string line) => long.Parse(line.AsSpan(4, line.Length - 4 - 3).Trim(), CultureInfo.InvariantCulture);
}
