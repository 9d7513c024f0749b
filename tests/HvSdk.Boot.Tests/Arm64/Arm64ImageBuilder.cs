using System.Buffers.Binary;
using System.IO.Compression;

namespace HvSdk.Boot.Tests.Arm64;

/// <summary>A kernel for arm64 with a header of the test's own (Documentation/arch/arm64/booting.rst, 4).</summary>
internal sealed class Arm64ImageBuilder
{
    internal ulong TextOffset { get; init; }

    internal ulong ImageSize { get; init; } = 0x20_1000;

    internal ulong Flags { get; init; } = 0xA; // 4 KiB pages, anywhere

    internal uint Magic { get; init; } = 0x644D_5241;

    internal int Length { get; init; } = 0x5000;

    internal byte[] Build()
    {
        byte[] image = new byte[Length];
        new Random(5).NextBytes(image);
        image[0] = 0x4D; // as with an EFI stub: MZ
        image[1] = 0x5A;
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(8), TextOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(16), ImageSize);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(24), Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(56), Magic);
        return image;
    }

    internal static byte[] Pack(byte[] image)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(image);
        }

        return packed.ToArray();
    }
}
