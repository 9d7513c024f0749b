using System.Numerics;

namespace HvSdk;

/// <summary>The form that dirty pages come in: bit n of the bitmap, counted from the low bit of the first word, is page n of the region.</summary>
public static class DirtyPageBitmap
{
    /// <summary>How many words a bitmap of a region needs.</summary>
    /// <param name="regionSize">Size of the region in bytes.</param>
    /// <param name="pageSize">Size of a page in bytes (<see cref="HypervisorCapabilities.PageSize"/>).</param>
    public static int WordsFor(ulong regionSize, int pageSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pageSize);
        return checked((int)(((regionSize / (uint)pageSize) + 63) / 64));
    }

    /// <summary>Tells whether a page is marked.</summary>
    /// <param name="bitmap">The bitmap.</param>
    /// <param name="page">Number of the page in its region.</param>
    public static bool Contains(ReadOnlySpan<ulong> bitmap, int page) => (bitmap[page / 64] & (1UL << (page % 64))) != 0;

    /// <summary>Counts the marked pages.</summary>
    /// <param name="bitmap">The bitmap.</param>
    public static int Count(ReadOnlySpan<ulong> bitmap)
    {
        int count = 0;
        foreach (ulong word in bitmap)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }
}
