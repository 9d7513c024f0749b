namespace HvSdk.Boot;

/// <summary>The header of a bzImage (Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"), checked.</summary>
internal sealed class SetupHeader
{
    /// <summary>Where the header starts, in the file and in the zero page alike.</summary>
    public const int Offset = 0x1F1;

    /// <summary>Where it ends at the latest: another field of the zero page follows.</summary>
    public const int MaxEnd = 0x290;

    /// <summary>The 64-bit entry, from the start of the protected-mode code.</summary>
    public const int Entry64Offset = 0x200;

    public const ushort BootFlag = 0xAA55;
    public const uint Magic = 0x5372_6448; // "HdrS"
    public const byte LoadedHigh = 1 << 0;
    public const ushort Kernel64 = 1 << 0;
    public const ushort CanBeLoadedAbove4G = 1 << 1;

    private const int SectorSize = 512;
    private const ushort MinVersion = 0x020C; // xloadflags and the upper halves of addresses

    private SetupHeader(byte[] bytes) => Bytes = bytes;

    /// <summary>The header itself, from <see cref="Offset"/> on.</summary>
    public byte[] Bytes { get; }

    public ushort Version { get; private init; }

    /// <summary>Where in the file the protected-mode code starts, and its size.</summary>
    public long CodeOffset { get; private init; }

    public long CodeSize { get; private init; }

    public bool IsRelocatable { get; private init; }

    public uint Alignment { get; private init; }

    public ulong PreferredAddress { get; private init; }

    /// <summary>RAM that the kernel needs from its start on until it has read the memory map.</summary>
    public uint InitSize { get; private init; }

    /// <summary>Longest command line, without its final zero.</summary>
    public uint CommandLineSize { get; private init; }

    /// <summary>The initrd lies below this.</summary>
    public ulong InitrdEnd { get; private init; }

    public ushort LoadFlags64 { get; private init; }

    public long PayloadOffset { get; private init; }

    public long PayloadSize { get; private init; }

    public static SetupHeader Read(ImageReader reader)
    {
        ushort bootFlag = reader.U16(0x1FE, "boot_flag");
        if (bootFlag != BootFlag)
        {
            throw reader.Wrong("boot_flag", 0x1FE, $"0x{bootFlag:X4}{reader.Guess()}", "0xAA55, a Linux bzImage");
        }

        uint magic = reader.U32(0x202, "header");
        if (magic != Magic)
        {
            throw reader.Wrong("header", 0x202, $"0x{magic:X8}{reader.Guess()}", "0x53726448 (HdrS), a Linux bzImage");
        }

        ushort version = reader.U16(0x206, "version");
        if (version < MinVersion)
        {
            throw reader.Wrong("version", 0x206, $"{version >> 8}.{version & 0xFF:D2}", "2.12 or later (Linux 3.8), the first with a 64-bit entry in the header");
        }

        byte loadFlags = reader.U8(0x211, "loadflags");
        if ((loadFlags & LoadedHigh) == 0)
        {
            throw reader.Wrong("loadflags", 0x211, $"0x{loadFlags:X2}, a zImage that is loaded low", "LOADED_HIGH set, a bzImage");
        }

        ushort loadFlags64 = reader.U16(0x236, "xloadflags");
        if ((loadFlags64 & Kernel64) == 0)
        {
            throw reader.Wrong("xloadflags", 0x236, $"0x{loadFlags64:X4}, a 32-bit kernel", "XLF_KERNEL_64 set, a kernel built for x86-64");
        }

        int setupSectors = reader.U8(Offset, "setup_sects");
        long codeOffset = ((setupSectors == 0 ? 4 : setupSectors) + 1) * SectorSize; // 0 means 4, for the oldest kernels' sake
        long codeSize = reader.U32(0x1F4, "syssize") * 16L;
        if (codeSize <= Entry64Offset)
        {
            throw reader.Wrong("syssize", 0x1F4, (ulong)codeSize / 16, $"more than 0x{Entry64Offset / 16:X} paragraphs: the 64-bit entry is at 0x{Entry64Offset:X}");
        }

        if (codeOffset + codeSize > reader.Length)
        {
            throw reader.Wrong("syssize", 0x1F4, $"0x{codeSize / 16:X} paragraphs from 0x{codeOffset:X} on", $"no more than the file has: 0x{reader.Length:X} bytes");
        }

        return ReadRest(reader, version, loadFlags64, codeOffset, codeSize);
    }

    private static SetupHeader ReadRest(ImageReader reader, ushort version, ushort loadFlags64, long codeOffset, long codeSize)
    {
        bool isRelocatable = reader.U8(0x234, "relocatable_kernel") != 0;
        uint alignment = reader.U32(0x230, "kernel_alignment");
        if (isRelocatable && !ulong.IsPow2(alignment))
        {
            throw reader.Wrong("kernel_alignment", 0x230, alignment, "a power of two");
        }

        ulong preferred = reader.U64(0x258, "pref_address");
        if (preferred is < BootPlacement.OneMiB or >= BootPlacement.FourGiB)
        {
            throw reader.Wrong("pref_address", 0x258, preferred, "an address from 1 MiB to 4 GiB");
        }

        uint initSize = reader.U32(0x260, "init_size");
        if (initSize == 0)
        {
            throw reader.Wrong("init_size", 0x260, initSize, "the size that the kernel needs");
        }

        uint payloadOffset = reader.U32(0x248, "payload_offset");
        uint payloadSize = reader.U32(0x24C, "payload_length");
        if (payloadOffset > codeSize)
        {
            throw reader.Wrong("payload_offset", 0x248, payloadOffset, $"at most 0x{codeSize:X}, the size of the protected-mode code");
        }

        if (payloadSize > codeSize - payloadOffset)
        {
            throw reader.Wrong("payload_length", 0x24C, payloadSize, $"at most 0x{codeSize - payloadOffset:X}: the protected-mode code ends there");
        }

        // The byte before the magic is the distance of the jump over the header: it tells how long the header is.
        int end = int.Min(0x202 + reader.U8(0x201, "jump"), MaxEnd);
        if (end < 0x264)
        {
            throw reader.Wrong("jump", 0x201, $"0x{end - 0x202:X}, a header up to 0x{end:X}", "a header up to 0x264 at least, where init_size ends");
        }

        byte[] bytes = new byte[end - Offset];
        reader.Read(Offset, bytes, "setup header");
        return new SetupHeader(bytes)
        {
            Version = version,
            CodeOffset = codeOffset,
            CodeSize = codeSize,
            IsRelocatable = isRelocatable,
            Alignment = alignment,
            PreferredAddress = preferred,
            InitSize = initSize,
            CommandLineSize = reader.U32(0x238, "cmdline_size"),
            InitrdEnd = reader.U32(0x22C, "initrd_addr_max") + 1UL,
            LoadFlags64 = loadFlags64,
            PayloadOffset = codeOffset + payloadOffset,
            PayloadSize = payloadSize,
        };
    }
}
