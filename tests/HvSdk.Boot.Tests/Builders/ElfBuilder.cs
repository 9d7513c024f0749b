using System.Buffers.Binary;

namespace HvSdk.Boot.Tests;

/// <summary>A segment of an <see cref="ElfBuilder"/>'s file.</summary>
internal sealed record TestSegment(ulong Address, byte[] Content)
{
    public uint Type { get; init; } = 1; // PT_LOAD

    public ulong? VirtualAddress { get; init; }

    public ulong? MemorySize { get; init; }

    public ulong? FileOffset { get; init; }

    public ulong? FileSize { get; init; }
}

/// <summary>Makes small ELF executables, good ones and, with the fields set by hand, wrong ones.</summary>
internal sealed class ElfBuilder
{
    internal bool Is64 { get; init; } = true;

    internal ushort Machine { get; init; } = 62;

    internal ushort FileType { get; init; } = 2;

    internal ulong Entry { get; init; } = 0x100_0000;

    internal List<TestSegment> Segments { get; init; } = [];

    /// <summary>Bytes between the headers and the first segment.</summary>
    internal byte[] Prefix { get; init; } = [];

    /// <summary>A segment of notes with one note of the Xen family.</summary>
    internal static TestSegment XenNote(uint type, byte[] value)
    {
        byte[] note = new byte[12 + 4 + value.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(note, 4);
        BinaryPrimitives.WriteInt32LittleEndian(note.AsSpan(4), value.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(note.AsSpan(8), type);
        "Xen\0"u8.CopyTo(note.AsSpan(12));
        value.CopyTo(note, 16);
        return new TestSegment(0, note) { Type = 4 };
    }

    /// <summary>A Linux kernel of two segments, the second with memory to be cleared, and the note for PVH.</summary>
    internal static ElfBuilder Kernel(int codeSize = 0x3000, int dataSize = 0x1800) => new()
    {
        Segments =
        {
            new TestSegment(0x100_0000, LoadBench.Noise(codeSize)) { VirtualAddress = 0xFFFF_FFFF_8100_0000 },
            new TestSegment(0x140_0000, LoadBench.Noise(dataSize, 2)) { VirtualAddress = 0xFFFF_FFFF_8140_0000, MemorySize = (ulong)dataSize + 0x2345 },
            XenNote(18, [0x40, 0, 0, 1]), // 0x01000040
        },
    };

    internal byte[] Build()
    {
        int headerSize = Is64 ? 64 : 52;
        int entrySize = Is64 ? 56 : 32;
        var file = new MemoryStream();
        file.Write(new byte[headerSize + (entrySize * Segments.Count)]);
        file.Write(Prefix);
        ulong[] offsets = new ulong[Segments.Count];
        for (int i = 0; i < offsets.Length; i++)
        {
            file.Write(new byte[(int)(-file.Length & 0xFFF)]);
            offsets[i] = Segments[i].FileOffset ?? (ulong)file.Length;
            file.Write(Segments[i].Content);
        }

        byte[] bytes = file.ToArray();
        WriteHeader(bytes, headerSize, entrySize);
        for (int i = 0; i < offsets.Length; i++)
        {
            WriteProgramHeader(bytes.AsSpan(headerSize + (i * entrySize)), Segments[i], offsets[i]);
        }

        return bytes;
    }

    private void WriteHeader(byte[] bytes, int headerSize, int entrySize)
    {
        "\u007FELF"u8.CopyTo(bytes);
        bytes[4] = (byte)(Is64 ? 2 : 1);
        bytes[5] = 1;
        bytes[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(16), FileType);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(18), Machine);
        Word(bytes.AsSpan(24), Entry);
        Word(bytes.AsSpan(Is64 ? 32 : 28), (ulong)headerSize);
        Span<byte> tail = bytes.AsSpan(Is64 ? 52 : 40);
        BinaryPrimitives.WriteUInt16LittleEndian(tail, (ushort)headerSize);
        BinaryPrimitives.WriteUInt16LittleEndian(tail[2..], (ushort)entrySize);
        BinaryPrimitives.WriteUInt16LittleEndian(tail[4..], (ushort)Segments.Count);
    }

    private void WriteProgramHeader(Span<byte> header, TestSegment segment, ulong offset)
    {
        int word = Is64 ? 8 : 4;
        BinaryPrimitives.WriteUInt32LittleEndian(header, segment.Type);
        Span<byte> fields = header[word..]; // in 64-bit files the flags fill up the first word
        Word(fields, offset);
        Word(fields[word..], segment.VirtualAddress ?? segment.Address);
        Word(fields[(2 * word)..], segment.Address);
        Word(fields[(3 * word)..], segment.FileSize ?? (ulong)segment.Content.Length);
        Word(fields[(4 * word)..], segment.MemorySize ?? (ulong)segment.Content.Length);
        Word(fields[((Is64 ? 5 : 6) * word)..], segment.Type == 4 ? 4 : 0x1000UL);
    }

    private void Word(Span<byte> target, ulong value)
    {
        if (Is64)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)value);
        }
    }
}
