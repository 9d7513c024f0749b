namespace HvSdk.Boot;

/// <summary>Writes "etc/table-loader": commands by which a firmware places tables and links them (QEMU's BIOS linker and loader; 128 bytes each).</summary>
internal static class TableLoaderScript
{
    private const string RootFile = "etc/acpi/rsdp";
    private const string TablesFile = "etc/acpi/tables";
    private const int NameSize = 56;
    private const int CommandSize = 128;

    /// <summary>The pointers of the RSDP (ACPI 6.5, 5.2.5.3): RSDT and XSDT.</summary>
    public static IReadOnlyList<TablePointer> RootPointers { get; } = [new(16, 4), new(24, 8)];

    /// <summary>The checksums of the RSDP: where, and of how many bytes from its beginning; the second covers the first.</summary>
    public static IReadOnlyList<(int Offset, int Length)> RootChecksums { get; } = [(8, 20), (32, 36)];

    /// <summary>The three files.</summary>
    public static IReadOnlyList<FirmwareFile> Files(byte[] root, AcpiTableLayout tables)
    {
        var script = new TableBytes();
        // The RSDP where guests look for it, the rest anywhere.
        Allocate(script, RootFile, 16, zone: 2);
        Allocate(script, TablesFile, AcpiTableLayout.Alignment, zone: 1);
        foreach (TablePointer pointer in tables.Pointers)
        {
            AddPointer(script, TablesFile, pointer);
        }

        foreach ((int offset, int length) in tables.Checksums)
        {
            AddChecksum(script, TablesFile, offset + AcpiTableLayout.ChecksumOffset, offset, length);
        }

        foreach (TablePointer pointer in RootPointers)
        {
            AddPointer(script, RootFile, pointer);
        }

        foreach ((int offset, int length) in RootChecksums)
        {
            AddChecksum(script, RootFile, offset, 0, length);
        }

        return
        [
            new FirmwareFile(RootFile, root),
            new FirmwareFile(TablesFile, tables.ToArray()),
            new FirmwareFile("etc/table-loader", script.ToArray()),
        ];
    }

    private static void Allocate(TableBytes script, string file, int alignment, byte zone)
    {
        script.U32(1);
        Name(script, file);
        script.U32((uint)alignment);
        script.U8(zone); // 1: high memory, 2: 0xF0000 to 0xFFFFF
        script.Align(CommandSize);
    }

    private static void AddPointer(TableBytes script, string file, TablePointer pointer)
    {
        script.U32(2);
        Name(script, file);
        Name(script, TablesFile); // what it points into
        script.U32((uint)pointer.Offset);
        script.U8((byte)pointer.Size);
        script.Align(CommandSize);
    }

    private static void AddChecksum(TableBytes script, string file, int offset, int start, int length)
    {
        script.U32(3);
        Name(script, file);
        script.U32((uint)offset);
        script.U32((uint)start);
        script.U32((uint)length);
        script.Align(CommandSize);
    }

    private static void Name(TableBytes script, string file)
    {
        script.Ascii(file);
        script.Zeros(NameSize - file.Length);
    }
}
