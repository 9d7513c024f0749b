using System.Buffers.Binary;

namespace HvSdk.Boot.Tests;

/// <summary>Packs with LZ4, simply: the first match of four bytes that a table remembers.</summary>
internal static class Lz4Packer
{
    private const int BlockSize = 8 << 20;

    /// <summary>A legacy frame, as "lz4 -l" writes it, with the unpacked size that a kernel's build appends.</summary>
    internal static byte[] KernelPayload(ReadOnlySpan<byte> data)
    {
        var packed = new MemoryStream();
        Write(packed, 0x184C_2102);
        int size = data.Length;
        while (!data.IsEmpty)
        {
            byte[] block = Block(data[..int.Min(BlockSize, data.Length)]);
            Write(packed, (uint)block.Length);
            packed.Write(block);
            data = data[int.Min(BlockSize, data.Length)..];
        }

        Write(packed, (uint)size);
        return packed.ToArray();
    }

    internal static byte[] Block(ReadOnlySpan<byte> data)
    {
        const int LastLiterals = 12; // the format asks for some literals at the end
        var packed = new MemoryStream();
        int[] table = new int[1 << 14];
        int literals = 0;
        int at = 1;
        while (at < data.Length - LastLiterals)
        {
            uint four = BinaryPrimitives.ReadUInt32LittleEndian(data[at..]);
            ref int slot = ref table[four * 2654435761U >> 18];
            int candidate = slot;
            slot = at;
            if (at - candidate > ushort.MaxValue || BinaryPrimitives.ReadUInt32LittleEndian(data[candidate..]) != four || candidate == at)
            {
                at++;
                continue;
            }

            int length = data[at..^5].CommonPrefixLength(data[candidate..]);
            WriteSequence(packed, data[literals..at], at - candidate, length);
            at += length;
            literals = at;
        }

        WriteSequence(packed, data[literals..], 0, 0);
        return packed.ToArray();
    }

    /// <summary>Writes literals and a match; no match where its length is 0.</summary>
    internal static void WriteSequence(MemoryStream packed, ReadOnlySpan<byte> literals, int offset, int length)
    {
        int match = length == 0 ? 0 : length - 4;
        packed.WriteByte((byte)((int.Min(literals.Length, 15) << 4) | int.Min(match, 15)));
        WriteRest(packed, literals.Length);
        packed.Write(literals);
        if (length > 0)
        {
            packed.WriteByte((byte)offset);
            packed.WriteByte((byte)(offset >> 8));
            WriteRest(packed, match);
        }
    }

    private static void WriteRest(MemoryStream packed, int length)
    {
        if (length < 15)
        {
            return;
        }

        for (length -= 15; length >= 255; length -= 255)
        {
            packed.WriteByte(255);
        }

        packed.WriteByte((byte)length);
    }

    private static void Write(MemoryStream stream, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        stream.Write(bytes);
    }
}
