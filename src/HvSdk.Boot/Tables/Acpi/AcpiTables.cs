using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>The ACPI tables of a platform: RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT (ACPI 6.5, chapter 5), and MCFG where there is PCI.</summary>
/// <remarks>
/// <para>Made before it is known where they lie: <see cref="Place"/> lays them out for an address, and <see cref="FirmwareFiles"/> has them for a firmware
/// that places them itself.</para>
/// <para>A guest without a firmware finds them by the pointer that its boot protocol passes, or looks for the RSDP at each multiple of 16 from
/// 0xE0000 to 0xFFFFF. Their memory is to be kept from the guest's use; the FACS in it is written by the guest.</para>
/// </remarks>
public sealed class AcpiTables
{
    /// <summary>What the address of the tables must be a multiple of.</summary>
    public const int Alignment = AcpiTableLayout.Alignment;

    private const int RootLength = 36;

    // The root's own part of the bytes, up to the next multiple of the alignment.
    private const int RootSize = Alignment;

    private readonly AcpiTableLayout _tables;
    private readonly byte[] _root;

    private AcpiTables(AcpiTableLayout tables, byte[] root)
    {
        _tables = tables;
        _root = root;
    }

    /// <summary>Size of all tables in bytes.</summary>
    public int Size => RootSize + _tables.Size;

    /// <summary>
    /// The tables for a firmware that takes them from fw_cfg, as SeaBIOS and OVMF do: "etc/acpi/rsdp", "etc/acpi/tables", and "etc/table-loader", which
    /// says how to put them together.
    /// </summary>
    public IReadOnlyList<FirmwareFile> FirmwareFiles => TableLoaderScript.Files(_root, _tables);

    /// <summary>Finds what keeps a platform from being described.</summary>
    /// <param name="platform">The platform.</param>
    /// <returns>One text for each problem, with its remedy; empty where there is none.</returns>
    public static IReadOnlyList<string> FindProblems(X64Platform platform)
    {
        ArgumentNullException.ThrowIfNull(platform);
        return X64PlatformProblems.Find(platform);
    }

    /// <summary>Makes the tables of a platform.</summary>
    /// <param name="platform">The platform.</param>
    /// <exception cref="ArgumentException">The platform cannot be described; the message has all that <see cref="FindProblems"/> finds.</exception>
    public static AcpiTables Build(X64Platform platform)
    {
        IReadOnlyList<string> problems = FindProblems(platform);
        if (problems.Count > 0)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, problems), nameof(platform));
        }

        var tables = new AcpiTableLayout();
        int? facs = platform.PowerManagement is null ? null : Fadt.AddFacs(tables);
        int dsdt = Dsdt.Add(tables, platform);
        List<uint> listed = [(uint)Fadt.Add(tables, platform, dsdt, facs), (uint)Madt.Add(tables, platform)];
        if (platform.PciHost is { } pci)
        {
            listed.Add((uint)Mcfg.Add(tables, pci));
        }

        var pointers = new TablePointer[listed.Count];
        var list = new TableBytes();
        var extendedList = new TableBytes();
        for (int i = 0; i < listed.Count; i++)
        {
            list.U32(listed[i]);
            extendedList.U64(listed[i]);
        }

        // Every guest of ACPI 2.0 or later takes the XSDT; the RSDT is for small kernels that know only that.
        int rsdt = tables.Add("RSDT", 1, list.ToArray(), Pointers(4));
        int xsdt = tables.Add("XSDT", 1, extendedList.ToArray(), Pointers(8));

        var root = new TableBytes();
        root.Ascii("RSD PTR ");
        root.U8(0); // checksum of the first 20 bytes
        root.Ascii("HVSDK", 6);
        root.U8(2); // revision
        root.U32((uint)rsdt);
        root.U32(RootLength);
        root.U64((ulong)xsdt);
        root.U8(0); // checksum of all
        root.Zeros(3);
        return new AcpiTables(tables, root.ToArray());

        TablePointer[] Pointers(int size)
        {
            for (int i = 0; i < pointers.Length; i++)
            {
                pointers[i] = new TablePointer(AcpiTableLayout.HeaderLength + i * size, size);
            }

            return pointers;
        }
    }

    /// <summary>Lays the tables out for an address. The RSDP is at the address itself.</summary>
    /// <param name="address">GPA of the first byte, a multiple of <see cref="Alignment"/>; all are to be below 4 GiB.</param>
    /// <returns>The bytes to put there, <see cref="Size"/> of them.</returns>
    public byte[] Place(ulong address)
    {
        if (address % Alignment != 0 || address > uint.MaxValue || (ulong)Size > (1ul << 32) - address)
        {
            throw new ArgumentException(
                $"GPA 0x{address:X} is not a multiple of {Alignment} from which {Size} bytes end below 4 GiB. Give one that is.", nameof(address));
        }

        byte[] bytes = new byte[Size];
        _root.CopyTo(bytes, 0);
        _tables.ToArray().CopyTo(bytes, RootSize);
        ulong tables = address + RootSize;
        foreach (TablePointer pointer in TableLoaderScript.RootPointers)
        {
            AddAddress(bytes.AsSpan(pointer.Offset, pointer.Size), tables);
        }

        foreach (TablePointer pointer in _tables.Pointers)
        {
            AddAddress(bytes.AsSpan(RootSize + pointer.Offset, pointer.Size), tables);
        }

        foreach ((int offset, int length) in _tables.Checksums)
        {
            TableBytes.SetChecksum(bytes.AsSpan(RootSize + offset, length), AcpiTableLayout.ChecksumOffset);
        }

        foreach ((int offset, int length) in TableLoaderScript.RootChecksums)
        {
            TableBytes.SetChecksum(bytes.AsSpan(0, length), offset);
        }

        return bytes;
    }

    private static void AddAddress(Span<byte> pointer, ulong address)
    {
        if (pointer.Length == 4)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(pointer, BinaryPrimitives.ReadUInt32LittleEndian(pointer) + (uint)address);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(pointer, BinaryPrimitives.ReadUInt64LittleEndian(pointer) + address);
        }
    }
}
