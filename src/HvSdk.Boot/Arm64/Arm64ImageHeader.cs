namespace HvSdk.Boot;

/// <summary>The header of a Linux kernel for arm64, 64 bytes (Documentation/arch/arm64/booting.rst, 4: "Call the kernel image"). Its code words and the offset of a PE header, for EFI, do not matter here.</summary>
internal sealed record Arm64ImageHeader
{
    public const int Size = 64;

    private const long TextOffsetAt = 8;
    private const long ImageSizeAt = 16;
    private const long FlagsAt = 24;
    private const long MagicAt = 56;
    private const uint Magic = 0x644D_5241; // "ARM\x64"
    private const ulong BigEndian = 1 << 0;
    private const ulong MaxImageSize = 1UL << 30;
    private const long PayloadMagicAt = 4;
    private const uint PayloadMagic = 0x676D_697A; // "zimg"

    /// <summary>The kernel begins so far beyond a multiple of <see cref="Alignment"/>.</summary>
    public required ulong TextOffset { get; init; }

    /// <summary>Bytes from the kernel's start on that are to be free, what it clears itself among them.</summary>
    public required ulong ImageSize { get; init; }

    public const ulong Alignment = 2 << 20;

    public static Arm64ImageHeader Read(ImageReader reader)
    {
        uint magic = reader.U32(MagicAt, "magic");
        if (magic != Magic)
        {
            bool isPayload = reader.U32(PayloadMagicAt, "magic of a compressed EFI image") == PayloadMagic;
            throw reader.Wrong(
                "magic", MagicAt, $"0x{magic:X8}{(isPayload ? " (an EFI program that unpacks a kernel: CONFIG_EFI_ZBOOT)" : reader.Guess())}",
                $"0x{Magic:X8}, a Linux kernel for arm64: its build's arch/arm64/boot/Image or Image.gz");
        }

        ulong imageSize = reader.U64(ImageSizeAt, "image_size");
        if (imageSize == 0)
        {
            throw reader.Wrong("image_size", ImageSizeAt, "0, as before Linux 3.17", "the bytes that the kernel takes");
        }

        if (imageSize > MaxImageSize)
        {
            throw reader.Wrong("image_size", ImageSizeAt, imageSize, $"at most 0x{MaxImageSize:X}");
        }

        ulong textOffset = reader.U64(TextOffsetAt, "text_offset");
        if (textOffset >= Alignment || textOffset % BootPlacement.PageSize != 0)
        {
            throw reader.Wrong("text_offset", TextOffsetAt, textOffset, $"a multiple of 0x{BootPlacement.PageSize:X} below 0x{Alignment:X}");
        }

        ulong flags = reader.U64(FlagsAt, "flags");
        if ((flags & BigEndian) != 0)
        {
            throw reader.Wrong("flags", FlagsAt, $"0x{flags:X}: a big-endian kernel", "a little-endian one");
        }

        return new Arm64ImageHeader { TextOffset = textOffset, ImageSize = imageSize };
    }
}
