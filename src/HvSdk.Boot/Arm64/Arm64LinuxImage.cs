namespace HvSdk.Boot;

/// <summary>A Linux kernel for arm64, with its command line and initial RAM disk: the Image that its build makes and distributions install, or Image.gz.</summary>
/// <remarks>It is put and entered as Documentation/arch/arm64/booting.rst says. That it may be an EFI program as well does not matter.</remarks>
public sealed class Arm64LinuxImage : Arm64BootImage
{
    private const string Step = "loading the kernel";
    private const long GzipTrailerSize = 4;
    private const ushort GzipMagic = 0x8B1F;

    /// <summary>The kernel and its initial RAM disk lie in one window of this size that starts at a multiple of 1 GiB (booting.rst, 4).</summary>
    private const ulong RamDiskWindow = 32UL << 30;
    private const ulong RamDiskWindowAlignment = 1UL << 30;

    /// <summary>COMMAND_LINE_SIZE of arm64, its final zero included (arch/arm64/include/uapi/asm/setup.h).</summary>
    private const int CommandLineSize = 2048;

    private readonly BootFile _kernel;
    private readonly LinuxBootOptions _options;
    private readonly Arm64ImageHeader _header;
    private readonly long _unpackedSize;
    private readonly bool _isGzip;

    private Arm64LinuxImage(BootFile kernel, LinuxBootOptions options, Arm64ImageHeader header, long unpackedSize, bool isGzip)
        : base(options.InitialRamDisk is { } initrd ? [kernel, initrd] : [kernel])
    {
        _kernel = kernel;
        _options = options;
        _header = header;
        _unpackedSize = unpackedSize;
        _isGzip = isGzip;
    }

    /// <inheritdoc/>
    public override string Format => _isGzip ? "Linux arm64 Image, gzip unpacked on the host" : "Linux arm64 Image";

    /// <summary>Reads the header of a kernel.</summary>
    /// <param name="kernel">The file: Image, or Image.gz, which the host unpacks. The image closes it; where this method throws, it stays the caller's.</param>
    /// <param name="options">What the kernel is given; null: nothing.</param>
    /// <exception cref="BootImageException">It is damaged, or none that can be booted: the text names field, offset, what was found and what is expected.</exception>
    public static Arm64LinuxImage Read(BootFile kernel, LinuxBootOptions? options = null)
    {
        options = LinuxBootOptions.Validate(kernel, options);
        if (options.Unpacking == KernelUnpacking.InGuest)
        {
            throw new ArgumentException(
                $"An arm64 kernel has no code that unpacks it. Use {nameof(KernelUnpacking)}.{nameof(KernelUnpacking.Auto)}: the host unpacks Image.gz.", nameof(options));
        }

        Arm64ImageHeader header = ReadHeader(new ImageReader(kernel), out long unpackedSize, out bool isGzip);
        return new Arm64LinuxImage(kernel, options, header, unpackedSize, isGzip);
    }

    /// <summary>Reads the header of an Image, or that in an Image.gz.</summary>
    internal static Arm64ImageHeader ReadHeader(ImageReader reader, out long unpackedSize, out bool isGzip)
    {
        isGzip = reader.Length >= sizeof(ushort) && reader.U16(0, "magic") == GzipMagic;
        unpackedSize = reader.Length;
        if (!isGzip)
        {
            return Arm64ImageHeader.Read(reader);
        }

        byte[] head = new byte[Arm64ImageHeader.Size];
        int count = WholeGzip(reader.File).ReadHead(head);
        Arm64ImageHeader header = Arm64ImageHeader.Read(new ImageReader(BootFile.FromMemory(head.AsMemory(0, count), $"{reader.Name} (unpacked)")));
        long trailer = reader.Length - GzipTrailerSize; // gzip ends with the size of what it packed
        unpackedSize = reader.U32(trailer, "unpacked size");
        return unpackedSize < Arm64ImageHeader.Size || (ulong)unpackedSize > header.ImageSize
            ? throw reader.Wrong("unpacked size", trailer, (ulong)unpackedSize, $"0x{Arm64ImageHeader.Size:X} to image_size, 0x{header.ImageSize:X}")
            : header;
    }

    private protected override Func<BootWriter, BootState> Plan(BootPlacement placement)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(_options.CommandLine) >= CommandLineSize)
        {
            placement.Problems.Add($"The command line has {System.Text.Encoding.UTF8.GetByteCount(_options.CommandLine)} bytes, and the kernel takes {CommandLineSize - 1}. Shorten it.");
        }

        ulong start = PlaceKernel(placement);
        (ulong ramDisk, ulong ramDiskSize) = PlaceInitialRamDisk(placement, start);
        if (CopyTree(placement) is not { } tree)
        {
            return static _ => throw new InvalidOperationException();
        }

        DeviceTreeNode chosen = tree.Root.Find("chosen") ?? tree.Root.Add("chosen");
        chosen.Set("bootargs", _options.CommandLine);
        if (ramDiskSize > 0)
        {
            chosen.SetNumbers("linux,initrd-start", ramDisk).SetNumbers("linux,initrd-end", ramDisk + ramDiskSize);
        }

        // It shares none of the kernel's pages of 2 MiB, and crosses none of its own (booting.rst, 2).
        byte[] blob = Flatten(tree, placement);
        ulong treeAddress = placement.Allocate("the device tree", (ulong)int.Max(blob.Length, 1), Arm64ImageHeader.Alignment, 0, start + RamDiskWindow);
        return writer =>
        {
            WriteKernel(writer, start);
            if (_options.InitialRamDisk is { } initrd)
            {
                writer.Copy("loading the initial RAM disk", initrd, 0, ramDisk, initrd.Length);
            }

            writer.Write(treeAddress, blob);
            return Arm64BootState.Enter(start, treeAddress);
        };
    }

    private static GzipPayload WholeGzip(BootFile kernel) => new(kernel, "gzip stream", 0, kernel.Length);

    /// <summary>The lowest place of its kind: text_offset beyond a multiple of 2 MiB.</summary>
    private ulong PlaceKernel(BootPlacement placement)
    {
        ulong size = _header.TextOffset + ulong.Max(_header.ImageSize, (ulong)_unpackedSize);
        return placement.Allocate("the kernel", size, Arm64ImageHeader.Alignment, 0, ulong.MaxValue) + _header.TextOffset;
    }

    private (ulong Address, ulong Size) PlaceInitialRamDisk(BootPlacement placement, ulong kernel)
    {
        if (_options.InitialRamDisk is not { } initrd)
        {
            return default;
        }

        ulong window = kernel & ~(RamDiskWindowAlignment - 1);
        return (placement.Allocate("the initial RAM disk", (ulong)initrd.Length, BootPlacement.PageSize, window, window + RamDiskWindow, highest: true), (ulong)initrd.Length);
    }

    private void WriteKernel(BootWriter writer, ulong start)
    {
        var whole = new LoadSegment("image", 0, _unpackedSize, start, start, ulong.Max(_header.ImageSize, (ulong)_unpackedSize));
        if (_isGzip)
        {
            WholeGzip(_kernel).Unpack(writer, "unpacking the kernel", new SegmentTarget(writer, [whole]), _unpackedSize);
        }
        else
        {
            writer.Copy(Step, _kernel, 0, start, _unpackedSize);
        }
    }
}
