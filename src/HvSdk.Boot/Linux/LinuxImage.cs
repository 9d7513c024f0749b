using System.Text;

namespace HvSdk.Boot;

/// <summary>A Linux kernel for x86-64, with its command line and initial RAM disk.</summary>
public sealed class LinuxImage : X64BootImage
{
    private readonly BootFile _kernel;
    private readonly LinuxBootOptions _options;
    private byte[] _commandLine; // with the zero behind it
    private readonly SetupHeader? _header; // of a bzImage
    private readonly KernelPayload? _payload; // where the host can unpack it
    private readonly ElfFile? _elf; // of a vmlinux
    private readonly ulong _pvhEntry; // or 0

    private LinuxImage(
        BootFile kernel, LinuxBootOptions options, string format, SetupHeader? header = null, KernelPayload? payload = null, ElfFile? elf = null, ulong pvhEntry = 0)
        : base(options.InitialRamDisk is { } initrd ? [kernel, initrd] : [kernel])
    {
        _kernel = kernel;
        _options = options;
        _commandLine = Encoding.UTF8.GetBytes(options.CommandLine + '\0');
        _header = header;
        _payload = payload;
        _elf = elf;
        _pvhEntry = pvhEntry;
        Format = format;
    }

    /// <inheritdoc/>
    public override string Format { get; }

    /// <summary>Reads the headers of a bzImage, as distributions install it: /boot/vmlinuz-... It is entered by the 64-bit boot protocol.</summary>
    /// <param name="kernel">The file. The image closes it; where this method throws, it stays the caller's.</param>
    /// <param name="options">What the kernel is given; null: nothing.</param>
    /// <exception cref="BootImageException">It is damaged, or none that can be booted: the text names field, offset, what was found and what is expected.</exception>
    public static LinuxImage ReadBzImage(BootFile kernel, LinuxBootOptions? options = null)
    {
        options = LinuxBootOptions.Validate(kernel, options);
        var reader = new ImageReader(kernel);
        SetupHeader header = SetupHeader.Read(reader);
        string format = $"Linux bzImage, protocol {header.Version >> 8}.{header.Version & 0xFF:D2}";
        if (options.Unpacking == KernelUnpacking.InGuest)
        {
            return new LinuxImage(kernel, options, format, header);
        }

        KernelPayload? payload = KernelPayload.Find(reader, header, out string compression);
        if (payload is null && options.Unpacking == KernelUnpacking.OnHost)
        {
            throw reader.Wrong(
                "payload compression", header.PayloadOffset, compression, $"gzip or LZ4, or {nameof(KernelUnpacking)}.{nameof(KernelUnpacking.InGuest)}");
        }

        if (payload is not null && !SegmentTarget.CanTake(payload.Elf.Segments))
        {
            if (options.Unpacking == KernelUnpacking.OnHost)
            {
                throw reader.Wrong(
                    "payload's segments", header.PayloadOffset, "some that share bytes of the file",
                    $"each with its own, or {nameof(KernelUnpacking)}.{nameof(KernelUnpacking.InGuest)}");
            }

            payload = null;
        }

        return new LinuxImage(kernel, options, payload is null ? format : $"{format}, {payload.Compression} unpacked on the host", header, payload);
    }

    /// <summary>Reads the headers of an ELF kernel: vmlinux, as the kernel's build leaves it.</summary>
    /// <param name="kernel">The file. The image closes it; where this method throws, it stays the caller's.</param>
    /// <param name="entry">How it is entered.</param>
    /// <param name="options">What the kernel is given; null: nothing.</param>
    /// <exception cref="BootImageException">It is damaged, or none that can be booted: the text names field, offset, what was found and what is expected.</exception>
    public static LinuxImage ReadElf(BootFile kernel, LinuxElfEntry entry, LinuxBootOptions? options = null)
    {
        options = LinuxBootOptions.Validate(kernel, options);
        var reader = new ImageReader(kernel);
        ElfFile elf = ElfFile.Read(reader, reader.Length);
        switch (entry)
        {
            case LinuxElfEntry.Pvh:
                return new LinuxImage(kernel, options, "ELF kernel, entered by PVH", elf: elf, pvhEntry: FindPvhEntry(reader, elf));
            case LinuxElfEntry.Bits64:
                CheckBits64(reader, elf);
                return new LinuxImage(kernel, options, "Linux ELF kernel, 64-bit entry", elf: elf);
            default:
                throw new ArgumentOutOfRangeException(nameof(entry), entry, $"{entry} is no way to enter a kernel. Use {nameof(LinuxElfEntry.Pvh)} or {nameof(LinuxElfEntry.Bits64)}.");
        }
    }

    /// <summary>Adds parameters to the kernel's command line, behind those of <see cref="LinuxBootOptions.CommandLine"/>, but before a "--", behind which the first program's own begin.</summary>
    /// <param name="parameters">They, separated by spaces. Added before the image is loaded.</param>
    /// <exception cref="ArgumentException">There is a zero character in them.</exception>
    public void AddParameters(string parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.Contains('\0'))
        {
            throw new ArgumentException("The parameters have a zero character in them, where the kernel would see the command line's end. Leave it out.", nameof(parameters));
        }

        const string separator = " -- ";
        string line = Encoding.UTF8.GetString(_commandLine.AsSpan(0, _commandLine.Length - 1));
        int end = $"{line} ".IndexOf(separator, StringComparison.Ordinal);
        string before = end < 0 ? line : line[..end];
        string joined = before.Length == 0 ? parameters : $"{before} {parameters}";
        _commandLine = Encoding.UTF8.GetBytes($"{joined}{(end < 0 ? "" : line[end..])}\0");
    }

    private protected override Func<BootWriter, BootState> Plan(BootPlacement placement)
    {
        uint limit = _header?.CommandLineSize ?? ZeroPage.DefaultCommandLineSize;
        if (_commandLine.Length - 1 > limit)
        {
            placement.Problems.Add($"The command line has {_commandLine.Length - 1} bytes, and the kernel takes {limit}. Shorten it.");
        }

        Action<BootWriter> writeKernel = PlanKernel(placement, out ulong entry, out ulong start, out ulong size);
        Func<BootWriter, X64BootState> writeRest = _pvhEntry != 0 ? PlanPvh(placement) : PlanBits64(placement, entry, start, size);
        return writer =>
        {
            writeKernel(writer);
            return writeRest(writer);
        };
    }

    internal static ulong FindPvhEntry(ImageReader reader, ElfFile elf)
    {
        const uint Phys32Entry = 18;
        foreach (ElfNotes notes in elf.Notes)
        {
            if (!notes.TryFindXen(reader, Phys32Entry, out ulong entry, out long offset))
            {
                continue;
            }

            if (elf.End > BootPlacement.FourGiB || entry == 0 || !elf.Segments.Any(segment => segment.Contains(entry)))
            {
                throw reader.Wrong("note XEN_ELFNOTE_PHYS32_ENTRY", offset, entry, "the physical address of a byte in a segment, all of them below 4 GiB");
            }

            return entry;
        }

        throw reader.Wrong("notes", 0, "none of type XEN_ELFNOTE_PHYS32_ENTRY", "the entry for PVH: a kernel built with CONFIG_PVH");
    }

    internal static void CheckBits64(ImageReader reader, ElfFile elf)
    {
        if (!elf.Is64 || elf.Machine != ElfFile.MachineX64)
        {
            throw reader.Wrong("e_machine", 18, $"{elf.Machine} in a {(elf.Is64 ? 64 : 32)}-bit file, a 32-bit kernel", $"{ElfFile.MachineX64} (x86-64) in a 64-bit one");
        }

        if (!elf.Segments.Any(segment => segment.Contains(elf.Entry)))
        {
            throw reader.Wrong("e_entry", elf.EntryOffset, elf.Entry, "the physical address of a byte in a segment");
        }
    }

    private Action<BootWriter> PlanKernel(BootPlacement placement, out ulong entry, out ulong start, out ulong size)
    {
        // Unpacked, a kernel goes to where it was linked; where that is no RAM, its own unpacking code may find another place.
        ElfFile? elf = _elf ?? _payload?.Elf;
        if (elf is not null && (_options.Unpacking != KernelUnpacking.Auto || _header is null || CanPlace(placement, elf)))
        {
            foreach (LoadSegment segment in elf.Segments)
            {
                placement.Reserve($"the kernel's {segment.Name}", segment.Address, segment.MemorySize);
            }

            entry = elf.Entry;
            start = elf.Start;
            size = elf.End - elf.Start;
            return _payload is { } payload ? payload.Unpack : writer => LoadSegment.Write(writer, "loading the kernel", _kernel, elf.Segments);
        }

        SetupHeader header = _header!;
        size = ulong.Max(header.InitSize, (ulong)header.CodeSize);
        start = header.PreferredAddress;
        if (!header.IsRelocatable)
        {
            placement.Reserve("the kernel, which cannot be moved,", start, size);
        }
        else if (!placement.TryReserve("the kernel", start, size))
        {
            start = placement.Allocate("the kernel", size, header.Alignment, header.PreferredAddress, BootPlacement.FourGiB);
        }

        entry = start + SetupHeader.Entry64Offset;
        ulong address = start;
        return writer => writer.Copy("loading the kernel", _kernel, header.CodeOffset, address, header.CodeSize);
    }

    private static bool CanPlace(BootPlacement placement, ElfFile elf)
    {
        var trial = new BootPlacement(placement.Machine);
        return elf.Segments.All(segment => trial.TryReserve(segment.Name, segment.Address, segment.MemorySize));
    }

    private Func<BootWriter, X64BootState> PlanBits64(BootPlacement placement, ulong entry, ulong start, ulong size)
    {
        ulong zeroPage = placement.AllocateLow("the zero page", ZeroPage.Size);
        ulong commandLine = placement.AllocateLow("the command line", (ulong)_commandLine.Length, alignment: 16);
        ulong moreMapSize = (ulong)ZeroPage.MoreMapSize(placement.Machine.MemoryMap);
        ulong moreMap = moreMapSize == 0 ? 0 : placement.AllocateLow("the memory map", moreMapSize);
        Func<BootWriter, X64Registers, X64BootState> enter = X64Entry.Long(placement, start, size);
        ulong initrd = PlaceInitialRamDisk(placement);
        return writer =>
        {
            WriteInitialRamDisk(writer, initrd);
            var page = new ZeroPage(_header is null ? [] : _header.Bytes, placement.Machine.MemoryMap)
            {
                CommandLine = commandLine,
                CodeStart = start,
                AcpiRootPointer = placement.Machine.AcpiRootPointer ?? 0,
            };
            page.SetInitialRamDisk(initrd, (ulong)(_options.InitialRamDisk?.Length ?? 0));
            page.Write(writer, zeroPage, moreMap);
            writer.Write(commandLine, _commandLine);
            return enter(writer, new X64Registers { Rip = entry, Rsi = zeroPage });
        };
    }

    private Func<BootWriter, X64BootState> PlanPvh(BootPlacement placement)
    {
        ulong info = placement.AllocateLow("the start information", PvhStartInfo.SizeFor(placement.Machine.MemoryMap));
        ulong commandLine = placement.AllocateLow("the command line", (ulong)_commandLine.Length, alignment: 16);
        Func<BootWriter, X64Registers, X64BootState> enter = X64Entry.Protected(placement);
        ulong initrd = PlaceInitialRamDisk(placement);
        return writer =>
        {
            WriteInitialRamDisk(writer, initrd);
            writer.Write(commandLine, _commandLine);
            writer.Write(info, PvhStartInfo.Build(info, placement.Machine, commandLine, initrd, (ulong)(_options.InitialRamDisk?.Length ?? 0)));
            return enter(writer, new X64Registers { Rip = _pvhEntry, Rbx = info });
        };
    }

    // As high as the kernel reads it: out of the way of what it allocates first. Above 4 GiB only where there is no room below.
    private ulong PlaceInitialRamDisk(BootPlacement placement)
    {
        if (_options.InitialRamDisk is not { } initrd)
        {
            return 0;
        }

        const string What = "the initial RAM disk";
        bool anywhere = _header is not null && (_header.LoadFlags64 & SetupHeader.CanBeLoadedAbove4G) != 0;
        ulong below = _header is null || anywhere ? BootPlacement.FourGiB : _header.InitrdEnd;
        ulong size = (ulong)initrd.Length;
        return anywhere && placement.TryAllocate(What, size, BootPlacement.PageSize, BootPlacement.OneMiB, below, highest: true, out ulong address)
            ? address
            : placement.Allocate(What, size, BootPlacement.PageSize, BootPlacement.OneMiB, anywhere ? 1UL << 46 : below, highest: true);
    }

    private void WriteInitialRamDisk(BootWriter writer, ulong address)
    {
        if (_options.InitialRamDisk is { } initrd)
        {
            writer.Copy("loading the initial RAM disk", initrd, 0, address, initrd.Length);
        }
    }
}
