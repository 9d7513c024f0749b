namespace HvSdk;

/// <summary>Pages that the host itself has written through a region: a hypervisor tracks only what the guest writes.</summary>
internal sealed class HostDirtyPages
{
    private readonly int _pageShift;
    private readonly ulong[] _bitmap;

    internal HostDirtyPages(ulong size, int pageSize)
    {
        _pageShift = int.Log2(pageSize);
        _bitmap = new ulong[DirtyPageBitmap.WordsFor(size, pageSize)];
    }

    internal void Mark(ulong offset, ulong length)
    {
        if (length == 0)
        {
            return;
        }

        for (ulong page = offset >> _pageShift; page <= (offset + length - 1) >> _pageShift; page++)
        {
            Interlocked.Or(ref _bitmap[page / 64], 1UL << (int)(page % 64));
        }
    }

    /// <summary>Adds the pages to a bitmap and forgets them. Marks that come meanwhile are in this bitmap or in the next.</summary>
    internal void MoveTo(Span<ulong> bitmap)
    {
        for (int i = 0; i < _bitmap.Length; i++)
        {
            if (_bitmap[i] != 0)
            {
                bitmap[i] |= Interlocked.Exchange(ref _bitmap[i], 0);
            }
        }
    }
}
