using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>A segment of notes: name, type and a few bytes each.</summary>
internal sealed record ElfNotes(long Offset, long Size, int Alignment)
{
    private const int HeaderSize = 12;
    private const int MaxSize = 1 << 20; // kernels have some hundred bytes

    /// <summary>Finds a note of the Xen family and gives its value, of 4 or 8 bytes, and where in the file that is.</summary>
    public bool TryFindXen(ImageReader reader, uint type, out ulong value, out long offset)
    {
        value = 0;
        offset = 0;
        if (Size > MaxSize)
        {
            throw reader.Wrong("notes", Offset, $"0x{Size:X} bytes long", $"at most 0x{MaxSize:X} bytes");
        }

        byte[] notes = new byte[(int)Size];
        reader.Read(Offset, notes, "notes");
        for (int at = 0; at + HeaderSize <= notes.Length;)
        {
            uint nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes.AsSpan(at));
            uint valueSize = BinaryPrimitives.ReadUInt32LittleEndian(notes.AsSpan(at + 4));
            uint noteType = BinaryPrimitives.ReadUInt32LittleEndian(notes.AsSpan(at + 8));
            long valueAt = Align(at + HeaderSize + nameSize);
            if (valueAt + valueSize > notes.Length)
            {
                throw reader.Wrong("note", Offset + at, $"0x{nameSize:X} bytes of name and 0x{valueSize:X} of value", $"a note within its segment of 0x{Size:X} bytes");
            }

            ReadOnlySpan<byte> found = notes.AsSpan((int)valueAt, (int)valueSize);
            if (noteType == type && notes.AsSpan(at + HeaderSize, (int)nameSize).SequenceEqual("Xen\0"u8))
            {
                offset = Offset + valueAt;
                value = found.Length switch
                {
                    4 => BinaryPrimitives.ReadUInt32LittleEndian(found),
                    8 => BinaryPrimitives.ReadUInt64LittleEndian(found),
                    _ => throw reader.Wrong("Xen note", offset, $"{found.Length} bytes long", "4 or 8 bytes"),
                };
                return true;
            }

            at = (int)long.Min(Align(valueAt + valueSize), notes.Length);
        }

        return false;
    }

    private long Align(long value) => (value + Alignment - 1) & -Alignment;
}
