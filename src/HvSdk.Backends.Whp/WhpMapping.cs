namespace HvSdk.Backends.Whp;

/// <summary>Memory that the guest sees: the token of a mapping.</summary>
internal sealed unsafe class WhpMapping(ulong address, ulong size, byte* host, MemoryAccess access)
{
    private ulong[]? _emulatorPages;

    internal ulong Address { get; } = address;

    internal ulong Size { get; } = size;

    internal MemoryAccess Access { get; } = access;

    internal ulong PageCount => Size / WhpMemory.PageSize;

    // SAFETY: valid until the mapping is gone; see WhpMemory.
    internal byte* Host { get; } = host;

    internal bool TracksDirtyPages => Volatile.Read(ref _emulatorPages) is not null;

    /// <summary>Starts or ends the record of pages that the emulator writes for the guest: the platform sees only what the guest writes itself.</summary>
    internal void TrackEmulator(bool enabled) =>
        Volatile.Write(ref _emulatorPages, enabled ? new ulong[DirtyPageBitmap.WordsFor(Size, WhpMemory.PageSize)] : null);

    internal void MarkWritten(ulong offset)
    {
        if (Volatile.Read(ref _emulatorPages) is { } pages)
        {
            ulong page = offset / WhpMemory.PageSize;
            Interlocked.Or(ref pages[page / 64], 1UL << (int)(page % 64));
        }
    }

    /// <summary>Adds the pages that the emulator has written since the last call.</summary>
    internal void TakeEmulatorPages(Span<ulong> bitmap)
    {
        if (Volatile.Read(ref _emulatorPages) is not { } pages)
        {
            return;
        }

        for (int i = 0; i < bitmap.Length && i < pages.Length; i++)
        {
            bitmap[i] |= Interlocked.Exchange(ref pages[i], 0);
        }
    }
}
