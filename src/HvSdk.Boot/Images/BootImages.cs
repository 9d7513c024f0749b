namespace HvSdk.Boot;

/// <summary>Tells the formats of images apart.</summary>
public static class BootImages
{
    /// <summary>Finds the first of some formats that a file is a good image of.</summary>
    /// <param name="file">The file; it stays open.</param>
    /// <param name="formats">The formats that the caller wants to boot, in the order in which they are tried.</param>
    /// <exception cref="BootImageException">It is none of them; the text says why, of each.</exception>
    public static BootImageFormat Detect(BootFile file, params ReadOnlySpan<BootImageFormat> formats)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (formats.IsEmpty)
        {
            throw new ArgumentException("Name the formats that you want to boot: none is tried that was not named.", nameof(formats));
        }

        var reader = new ImageReader(file);
        var reasons = new List<string>(formats.Length);
        foreach (BootImageFormat format in formats)
        {
            try
            {
                Try(reader, format);
                return format;
            }
            catch (BootImageException e)
            {
                reasons.Add($"{format}: {e.Field} at offset 0x{e.Offset:X} is {e.Found}, not {e.Expected}");
            }
        }

        throw reader.Wrong("format", 0, $"none of those asked for ({string.Join("; ", reasons)})", string.Join(" or ", formats.ToArray()));
    }

    private static void Try(ImageReader reader, BootImageFormat format)
    {
        switch (format)
        {
            case BootImageFormat.LinuxBzImage:
                SetupHeader.Read(reader);
                break;
            case BootImageFormat.Pvh:
                LinuxImage.FindPvhEntry(reader, ElfFile.Read(reader, reader.Length));
                break;
            case BootImageFormat.LinuxElf:
                LinuxImage.CheckBits64(reader, ElfFile.Read(reader, reader.Length));
                break;
            case BootImageFormat.Multiboot1:
                Multiboot1.Read(reader);
                break;
            case BootImageFormat.Multiboot2:
                Multiboot2.Read(reader);
                break;
            case BootImageFormat.Arm64Linux:
                Arm64LinuxImage.ReadHeader(reader, out _, out _);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(format), format, $"{format} is no member of {nameof(BootImageFormat)}.");
        }
    }
}
