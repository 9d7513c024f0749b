using System.Buffers.Binary;

namespace HvSdk.Boot.Tests;

/// <summary>Makes multiboot headers, and the kernels that they are in.</summary>
internal static class MultibootBuilder
{
    internal const uint Start = 0x20_0000;

    /// <summary>A multiboot 1 header, with checksum.</summary>
    internal static byte[] Header1(uint flags, params uint[] addresses) => Words([0x1BAD_B002, flags, unchecked(0U - 0x1BAD_B002 - flags), .. addresses]);

    /// <summary>A multiboot 2 header around tags, with an end tag and checksum.</summary>
    internal static byte[] Header2(params byte[][] tags) => Header2For(0, tags);

    internal static byte[] Header2For(uint architecture, params byte[][] tags)
    {
        byte[] body = [.. tags.SelectMany(static tag => tag), .. Tag(0, 0)];
        uint length = (uint)(16 + body.Length);
        return [.. Words([0xE852_50D6, architecture, length, unchecked(0U - 0xE852_50D6 - architecture - length)]), .. body];
    }

    /// <summary>A tag of a multiboot 2 header, filled up to a multiple of 8.</summary>
    internal static byte[] Tag(ushort type, ushort flags, params uint[] values)
    {
        byte[] tag = Words([type | ((uint)flags << 16), (uint)(8 + (values.Length * 4)), .. values]);
        return [.. tag, .. new byte[-tag.Length & 7]];
    }

    /// <summary>An ELF kernel with a header right behind the ELF headers.</summary>
    internal static byte[] Elf(byte[] header, bool is64 = false) => new ElfBuilder
    {
        Is64 = is64,
        Machine = (ushort)(is64 ? 62 : 3),
        Entry = 0xC020_0010, // as the kernel sees it
        Prefix = [.. new byte[is64 ? 64 + 112 & 7 : 4], .. header],
        Segments =
        {
            new TestSegment(Start, LoadBench.Noise(0x1800)) { VirtualAddress = 0xC020_0000 },
            new TestSegment(Start + 0x2000, LoadBench.Noise(0x800, 2)) { VirtualAddress = 0xC020_2000, MemorySize = 0x3000 },
        },
    }.Build();

    /// <summary>A file that is nothing but a header and noise, for kernels that give their own addresses.</summary>
    internal static byte[] Raw(byte[] header, int headerOffset = 0x10, int size = 0x2000)
    {
        byte[] file = LoadBench.Noise(size);
        header.CopyTo(file, headerOffset);
        return file;
    }

    internal static byte[] Words(ReadOnlySpan<uint> values)
    {
        byte[] bytes = new byte[values.Length * 4];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * 4), values[i]);
        }

        return bytes;
    }
}
