using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>The RAM of a PC: from 0 to a hole for devices below 4 GiB, then from 4 GiB on.</summary>
/// <remarks>
/// Its first MiB: RAM up to 0xA0000, then what was a PC's screen and ROMs. Here that is RAM too, which the guest is told to leave alone and in
/// which the tables lie; windows of devices may take its place page by page.
/// </remarks>
internal sealed class PcRamLayout : RamLayout
{
    public const ulong LegacyStart = 0xA_0000;
    public const ulong TablesStart = 0xE_0000;
    public const ulong LegacyEnd = 0x10_0000;
    private const ulong MinHoleStart = 16 << 20;
    private const ulong MaxHoleStart = 0xE000_0000;
    private const ulong HoleAlignment = 2 << 20;

    private PcRamLayout(ulong lowEnd)
        : base(0, lowEnd)
    {
    }

    protected override ulong ReservationFloor => LegacyEnd;

    public static PcRamLayout Create(ulong size, ulong holeStart, ulong limit, HypervisorCapabilities capabilities, List<string> problems)
    {
        if (holeStart is < MinHoleStart or > MaxHoleStart || holeStart % HoleAlignment != 0)
        {
            problems.Add($"{nameof(MemoryOptions)}.{nameof(MemoryOptions.HoleStart)} is 0x{holeStart:X}; it is a multiple of 2 MiB from 16 MiB to 3.5 GiB. Set such a number.");
            holeStart = 3UL << 30;
        }

        if (size > limit - FourGiB)
        {
            problems.Add($"{nameof(MemoryOptions)}.{nameof(MemoryOptions.Size)} is 0x{size:X} bytes, and guest addresses have {capabilities.GuestPhysicalAddressBits} bits here. Give the machine less.");
            size = holeStart;
        }

        var layout = new PcRamLayout(ulong.Min(size, holeStart));
        if (size > holeStart)
        {
            layout.Add(new MemoryRange(FourGiB, size - holeStart));
        }

        return layout;
    }

    protected override bool CanGiveWay(ulong first, ulong last) => first >= LegacyStart && last < TablesStart;

    protected override IEnumerable<MemoryMapEntry> MapStart(ulong start, ulong usableEnd)
    {
        yield return new(0, ulong.Min(LegacyStart, usableEnd), MemoryMapKind.Usable);
        yield return new(LegacyStart, LegacyEnd - LegacyStart, MemoryMapKind.Reserved);
        if (usableEnd > LegacyEnd)
        {
            yield return new(LegacyEnd, usableEnd - LegacyEnd, MemoryMapKind.Usable);
        }
    }
}
