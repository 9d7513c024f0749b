namespace HvSdk.Emulation;

/// <summary>Translations that the processor remembers (Intel SDM vol. 3A, 4.10).</summary>
internal sealed partial class Core
{
    internal const int TlbSize = 256;
    private const ulong MaxGeneration = 0xFFF;

    /// <summary>Supervisor accesses first, then user accesses. A tag is the page and, in its low bits, the generation; 0 fits no access.</summary>
    internal readonly TlbEntry[] Tlb = new TlbEntry[TlbSize * 2];
    internal ulong TlbGeneration = 1;

    internal int PhysicalAddressBits;

    internal struct TlbEntry
    {
        internal ulong ReadTag;
        internal ulong WriteTag;
        internal ulong ExecuteTag;
        internal ulong Page;
    }

    /// <summary>Forgets all translations.</summary>
    internal void FlushTranslations()
    {
        if (++TlbGeneration > MaxGeneration)
        {
            TlbGeneration = 1;
            Array.Clear(Tlb);
        }
    }
}

/// <summary>What an access does.</summary>
internal enum AccessKind
{
    Read,
    Write,
    Execute,
}
