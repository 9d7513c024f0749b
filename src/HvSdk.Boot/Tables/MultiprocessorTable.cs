using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>The MP configuration table with its floating pointer (Intel MultiProcessor Specification 1.4), for guests that do not know ACPI.</summary>
/// <remarks>A guest looks for the pointer at each multiple of 16 in the last KiB of the lowest 640, and from 0xF0000 to 0xFFFFF.</remarks>
public sealed class MultiprocessorTable
{
    /// <summary>What the address of the table must be a multiple of.</summary>
    public const int Alignment = 16;

    private const int PointerSize = 16;
    private const int PointerChecksum = 10;
    private const int TableChecksum = 7;
    private const uint MaxApicId = 254;
    private const byte IsaBus = 0;
    private const int Cascade = 2;

    private readonly byte[] _table;

    private MultiprocessorTable(byte[] table) => _table = table;

    /// <summary>Size of all in bytes.</summary>
    public int Size => PointerSize + _table.Length;

    /// <summary>Finds what keeps a platform from being described.</summary>
    /// <param name="platform">The platform.</param>
    /// <returns>One text for each problem, with its remedy; empty where there is none.</returns>
    public static IReadOnlyList<string> FindProblems(X64Platform platform)
    {
        ArgumentNullException.ThrowIfNull(platform);
        var problems = new List<string>();
        X64PlatformProblems.FindInProcessors(platform, problems);
        X64PlatformProblems.FindInOverrides(platform, problems);
        foreach (uint id in platform.ApicIds.Where(static id => id > MaxApicId))
        {
            problems.Add($"{nameof(platform.ApicIds)} has {id}, and the MP table has IDs to {MaxApicId} only. Give lower ones, or no MP table.");
        }

        return problems;
    }

    /// <summary>Makes the table of a platform.</summary>
    /// <param name="platform">The platform.</param>
    /// <exception cref="ArgumentException">The platform cannot be described; the message has all that <see cref="FindProblems"/> finds.</exception>
    public static MultiprocessorTable Build(X64Platform platform)
    {
        IReadOnlyList<string> problems = FindProblems(platform);
        if (problems.Count > 0)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, problems), nameof(platform));
        }

        var entries = new TableBytes();
        int count = AddProcessors(entries, platform);
        entries.U8(1); // bus (4.3.2)
        entries.U8(IsaBus);
        entries.Ascii("ISA", 6);
        count++;
        if (platform.IoApic is { } ioApic)
        {
            count += AddIoApic(entries, platform, ioApic);
        }

        // LINT0: the 8259A pair, on the first processor (4.3.4). LINT1: NMI, on all.
        if (platform.HasPicPair)
        {
            AddInterrupt(entries, 4, 3, 0, 0, (byte)platform.ApicIds[0], 0);
            count++;
        }

        AddInterrupt(entries, 4, 1, 0, 0, byte.MaxValue, 1);
        count++;

        var table = new TableBytes();
        table.Ascii("PCMP");
        table.U16((ushort)(44 + entries.Length));
        table.U8(4); // 1.4
        table.U8(0); // checksum
        table.Ascii("HVSDK", 8);
        table.Ascii("HVSDK", 12);
        table.U32(0); // OEM table
        table.U16(0);
        table.U16((ushort)count);
        table.U32(Madt.LocalApicAddress);
        table.U32(0); // extended table
        table.Raw(entries.ToArray());
        return new MultiprocessorTable(table.ToArray());
    }

    /// <summary>Lays the table out for an address. The floating pointer is at the address itself.</summary>
    /// <param name="address">GPA of the first byte, a multiple of <see cref="Alignment"/>; all is to be below 4 GiB.</param>
    /// <returns>The bytes to put there, <see cref="Size"/> of them.</returns>
    public byte[] Place(ulong address)
    {
        if (address % Alignment != 0 || address > uint.MaxValue || (ulong)Size > (1ul << 32) - address)
        {
            throw new ArgumentException(
                $"GPA 0x{address:X} is not a multiple of {Alignment} from which {Size} bytes end below 4 GiB. Give one that is.", nameof(address));
        }

        byte[] bytes = new byte[Size];
        "_MP_"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)address + PointerSize);
        bytes[8] = 1; // length in units of 16
        bytes[9] = 4; // 1.4
        TableBytes.SetChecksum(bytes.AsSpan(0, PointerSize), PointerChecksum);
        _table.CopyTo(bytes, PointerSize);
        TableBytes.SetChecksum(bytes.AsSpan(PointerSize), TableChecksum);
        return bytes;
    }

    private static int AddProcessors(TableBytes entries, X64Platform platform)
    {
        for (int i = 0; i < platform.ApicIds.Count; i++)
        {
            entries.U8(0); // processor (4.3.1)
            entries.U8((byte)platform.ApicIds[i]);
            entries.U8(0x14); // version of an integrated APIC
            entries.U8(i == 0 ? (byte)3 : (byte)1); // enabled, bootstrap processor
            entries.U32(platform.Processors.Signature);
            entries.U32(platform.Processors.Features);
            entries.U64(0);
        }

        return platform.ApicIds.Count;
    }

    private static int AddIoApic(TableBytes entries, X64Platform platform, X64IoApicDescription ioApic)
    {
        entries.U8(2); // I/O APIC (4.3.3)
        entries.U8(ioApic.Id);
        entries.U8(0x11); // version
        entries.U8(1); // enabled
        entries.U32(ioApic.Address);
        int count = 1;

        IReadOnlyList<X64InterruptOverride> overrides = InterruptMap.Overrides(platform);
        for (byte interrupt = 0; interrupt < 16; interrupt++)
        {
            X64InterruptOverride route = overrides.FirstOrDefault(
                entry => entry.IsaInterrupt == interrupt, new X64InterruptOverride(interrupt, interrupt, SenseOf(platform, interrupt)));
            // The cascade of the 8259A pair is no interrupt of its own; and an input that an override leads to has no other source.
            bool moved = route.Line == interrupt && overrides.Any(entry => entry.Line == interrupt && entry.IsaInterrupt != interrupt);
            long pin = route.Line - ioApic.FirstLine;
            if (interrupt == Cascade || moved || pin is < 0 or > byte.MaxValue)
            {
                continue;
            }

            AddInterrupt(entries, 3, 0, InterruptMap.Flags(route.Sense), interrupt, ioApic.Id, (byte)pin);
            count++;
        }

        return count;
    }

    private static InterruptSense SenseOf(X64Platform platform, int line) =>
        platform.Devices.Any(device => device.Lines.Any(entry => entry.Number == line && entry.Sense == InterruptSense.Level))
            ? InterruptSense.Level
            : InterruptSense.Edge;

    // An interrupt of an I/O APIC (3) or of a local one (4).
    private static void AddInterrupt(TableBytes entries, byte entry, byte kind, ushort flags, byte source, byte apic, byte input)
    {
        entries.U8(entry);
        entries.U8(kind);
        entries.U16(flags);
        entries.U8(IsaBus);
        entries.U8(source);
        entries.U8(apic);
        entries.U8(input);
    }
}
