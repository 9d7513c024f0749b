using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>The SMBIOS structures of a platform with their 64-bit entry point (System Management BIOS 3.0, DMTF DSP0134).</summary>
/// <remarks>A guest without UEFI looks for the entry point at each multiple of 16 from 0xF0000 to 0xFFFFF.</remarks>
public sealed class SmbiosTables
{
    /// <summary>What the address of the tables must be a multiple of.</summary>
    public const int Alignment = 16;

    private const int EntryLength = 24;

    // The entry's own part of the bytes, up to the next multiple of the alignment.
    private const int EntrySize = 32;
    private const int EntryChecksum = 5;
    private const int EntryPointer = 16;

    private readonly byte[] _entry;
    private readonly byte[] _structures;

    private SmbiosTables(byte[] structures)
    {
        _structures = structures;
        var entry = new TableBytes();
        entry.Ascii("_SM3_");
        entry.U8(0); // checksum
        entry.U8(EntryLength);
        entry.U8(3); // version 3.0.0
        entry.U8(0);
        entry.U8(0);
        entry.U8(1); // entry point revision
        entry.U8(0);
        entry.U32((uint)structures.Length);
        entry.U64(0); // structure table address
        _entry = entry.ToArray();
    }

    /// <summary>Size of all in bytes.</summary>
    public int Size => EntrySize + _structures.Length;

    /// <summary>The tables for a firmware that takes them from fw_cfg, as SeaBIOS and OVMF do: "etc/smbios/smbios-anchor" and "etc/smbios/smbios-tables".</summary>
    public IReadOnlyList<FirmwareFile> FirmwareFiles
    {
        get
        {
            byte[] anchor = [.. _entry];
            TableBytes.SetChecksum(anchor, EntryChecksum);
            return [new FirmwareFile("etc/smbios/smbios-anchor", anchor), new FirmwareFile("etc/smbios/smbios-tables", _structures)];
        }
    }

    /// <summary>Finds what keeps a platform from being described.</summary>
    /// <param name="platform">The platform.</param>
    /// <param name="identity">What the machine calls itself.</param>
    /// <returns>One text for each problem, with its remedy; empty where there is none.</returns>
    public static IReadOnlyList<string> FindProblems(X64Platform platform, SmbiosIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(platform);
        ArgumentNullException.ThrowIfNull(identity);
        var problems = new List<string>();
        X64PlatformProblems.FindInProcessors(platform, problems);
        FindInMemory(platform, problems);
        FindInText(nameof(identity.Manufacturer), identity.Manufacturer, problems);
        FindInText(nameof(identity.Product), identity.Product, problems);
        FindInText(nameof(identity.Version), identity.Version, problems);
        FindInText(nameof(identity.SerialNumber), identity.SerialNumber, problems);
        FindInText(nameof(identity.StockKeepingNumber), identity.StockKeepingNumber, problems);
        FindInText(nameof(identity.Family), identity.Family, problems);
        FindInText(nameof(identity.AssetTag), identity.AssetTag, problems);
        FindInText(nameof(identity.FirmwareVendor), identity.FirmwareVendor, problems);
        FindInText(nameof(identity.FirmwareVersion), identity.FirmwareVersion, problems);
        FindInText(nameof(identity.ProcessorManufacturer), identity.ProcessorManufacturer, problems);
        FindInText(nameof(identity.ProcessorVersion), identity.ProcessorVersion, problems);
        return problems;
    }

    /// <summary>Makes the tables of a platform.</summary>
    /// <param name="platform">The platform.</param>
    /// <param name="identity">What the machine calls itself; null: the defaults.</param>
    /// <exception cref="ArgumentException">The platform cannot be described; the message has all that <see cref="FindProblems"/> finds.</exception>
    public static SmbiosTables Build(X64Platform platform, SmbiosIdentity? identity = null)
    {
        identity ??= new SmbiosIdentity();
        IReadOnlyList<string> problems = FindProblems(platform, identity);
        if (problems.Count > 0)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, problems), nameof(platform));
        }

        return new SmbiosTables(SmbiosStructures.Of(platform, identity));
    }

    /// <summary>Lays the tables out for an address. The entry point is at the address itself.</summary>
    /// <param name="address">GPA of the first byte, a multiple of <see cref="Alignment"/>.</param>
    /// <returns>The bytes to put there, <see cref="Size"/> of them.</returns>
    public byte[] Place(ulong address)
    {
        if (address % Alignment != 0 || address > ulong.MaxValue - (ulong)Size)
        {
            throw new ArgumentException($"GPA 0x{address:X} is not a multiple of {Alignment} with {Size} bytes from there. Give one that is.", nameof(address));
        }

        byte[] bytes = new byte[Size];
        _entry.CopyTo(bytes, 0);
        _structures.CopyTo(bytes, EntrySize);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(EntryPointer), address + EntrySize);
        TableBytes.SetChecksum(bytes.AsSpan(0, EntryLength), EntryChecksum);
        return bytes;
    }

    private static void FindInMemory(X64Platform platform, List<string> problems)
    {
        ulong end = 0;
        foreach (X64MemoryRange range in platform.Memory)
        {
            if (range.Size == 0 || range.Address % 1024 != 0 || range.Size % 1024 != 0 || range.Size > ulong.MaxValue - range.Address)
            {
                problems.Add($"{nameof(platform.Memory)}, {range}: it is empty, not of whole KiB, or goes beyond the last address. Give a range of whole KiB.");
                return;
            }

            if (range.Address < end)
            {
                problems.Add($"{nameof(platform.Memory)}, {range}: it begins before the one before it ends, at 0x{end:X}. Give ranges by address, without overlaps.");
            }

            end = range.Address + range.Size;
        }

        if (platform.Memory.Count is 0 or > SmbiosStructures.MaxMemoryRanges)
        {
            problems.Add($"{nameof(platform.Memory)} has {platform.Memory.Count} ranges. Give 1 to {SmbiosStructures.MaxMemoryRanges}.");
        }
    }

    private static void FindInText(string property, string text, List<string> problems)
    {
        if (text.Length > 255 || !text.All(static c => c is >= ' ' and < '\x7F'))
        {
            problems.Add($"{nameof(SmbiosIdentity)}.{property} is \"{text}\" of {text.Length} characters. Give at most 255, ASCII characters that can be seen and spaces.");
        }
    }
}
