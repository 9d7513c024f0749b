namespace HvSdk.Boot;

/// <summary>ACPI tables one after another, with the places in them that depend on where they are put.</summary>
/// <remarks>
/// Every pointer holds the offset of its target within these bytes until it is known where they lie: then the address is added and the checksums are
/// set, by us or by a firmware.
/// </remarks>
internal sealed class AcpiTableLayout
{
    /// <summary>What the bytes must be aligned to: the FACS wants it (ACPI 6.5, 5.2.10).</summary>
    public const int Alignment = 64;

    /// <summary>Length of the header that all tables but the FACS have (ACPI 6.5, 5.2.6).</summary>
    public const int HeaderLength = 36;

    private const string OemId = "HVSDK";

    private readonly TableBytes _bytes = new();

    /// <summary>The pointers.</summary>
    public List<TablePointer> Pointers { get; } = [];

    /// <summary>The tables whose checksums are to be set, in the header at <see cref="ChecksumOffset"/>: offset and length.</summary>
    public List<(int Offset, int Length)> Checksums { get; } = [];

    /// <summary>Where the header has its checksum.</summary>
    public const int ChecksumOffset = 9;

    /// <summary>Size of all tables.</summary>
    public int Size => _bytes.Length;

    /// <summary>The tables, with offsets as pointers and without checksums.</summary>
    public byte[] ToArray() => _bytes.ToArray();

    /// <summary>Adds a structure without the common header.</summary>
    /// <returns>Its offset.</returns>
    public int AddRaw(ReadOnlySpan<byte> content)
    {
        _bytes.Align(Alignment);
        int offset = _bytes.Length;
        _bytes.Raw(content);
        return offset;
    }

    /// <summary>Adds a table.</summary>
    /// <param name="signature">Its four characters.</param>
    /// <param name="revision">Its revision.</param>
    /// <param name="body">What follows the header.</param>
    /// <param name="pointers">Its pointers, by their offset in the table.</param>
    /// <returns>Its offset.</returns>
    public int Add(string signature, byte revision, ReadOnlySpan<byte> body, params ReadOnlySpan<TablePointer> pointers)
    {
        _bytes.Align(16);
        int offset = _bytes.Length;
        int length = HeaderLength + body.Length;
        _bytes.Ascii(signature);
        _bytes.U32((uint)length);
        _bytes.U8(revision);
        _bytes.U8(0); // checksum
        _bytes.Ascii(OemId, 6);
        _bytes.Ascii(OemId, 8); // table ID
        _bytes.U32(1); // OEM revision
        _bytes.Ascii(OemId[..4]); // creator
        _bytes.U32(1); // creator revision
        _bytes.Raw(body);
        foreach (TablePointer pointer in pointers)
        {
            Pointers.Add(pointer with { Offset = offset + pointer.Offset });
        }

        Checksums.Add((offset, length));
        return offset;
    }
}

/// <summary>A pointer to a table.</summary>
/// <param name="Offset">Where it is.</param>
/// <param name="Size">4 or 8 bytes.</param>
internal readonly record struct TablePointer(int Offset, int Size);
