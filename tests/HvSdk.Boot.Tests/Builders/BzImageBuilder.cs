using System.Buffers.Binary;
using System.IO.Compression;

namespace HvSdk.Boot.Tests;

/// <summary>Makes small bzImages: a header, protected-mode code of noise, and a payload in it.</summary>
internal sealed class BzImageBuilder
{
    internal const int SetupSectors = 3;
    internal const int CodeOffset = (SetupSectors + 1) * 512;
    internal const int PayloadOffset = 0x400;

    internal ushort Version { get; init; } = 0x020F;

    internal byte LoadFlags { get; init; } = 1;

    internal ushort LoadFlags64 { get; init; } = 3;

    internal bool IsRelocatable { get; init; } = true;

    internal uint Alignment { get; init; } = 0x20_0000;

    internal ulong PreferredAddress { get; init; } = 0x100_0000;

    internal uint InitSize { get; init; } = 0x80_0000;

    internal uint CommandLineSize { get; init; } = 2047;

    internal uint InitrdMax { get; init; } = 0x7FFF_FFFF;

    internal byte[] Payload { get; init; } = [];

    internal static byte[] Gzip(ReadOnlySpan<byte> data)
    {
        var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            stream.Write(data);
        }

        return packed.ToArray();
    }

    internal byte[] Build()
    {
        int codeSize = (PayloadOffset + Payload.Length + 0x80 + 15) & ~15;
        byte[] image = new byte[CodeOffset + codeSize];
        LoadBench.Noise(codeSize, 7).CopyTo(image, CodeOffset);
        Payload.CopyTo(image, CodeOffset + PayloadOffset);
        image[0x1F1] = SetupSectors;
        U32(0x1F4, (uint)codeSize / 16);
        U16(0x1FE, 0xAA55);
        image[0x200] = 0xEB;
        image[0x201] = 0x6A;
        U32(0x202, 0x5372_6448);
        U16(0x206, Version);
        image[0x211] = LoadFlags;
        U32(0x22C, InitrdMax);
        U32(0x230, Alignment);
        image[0x234] = (byte)(IsRelocatable ? 1 : 0);
        image[0x235] = 21;
        U16(0x236, LoadFlags64);
        U32(0x238, CommandLineSize);
        U32(0x248, PayloadOffset);
        U32(0x24C, (uint)Payload.Length);
        U64(0x258, PreferredAddress);
        U32(0x260, InitSize);
        return image;

        void U16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(offset), value);
        void U32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), value);
        void U64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(offset), value);
    }
}
