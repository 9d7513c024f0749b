namespace HvSdk.Boot;

/// <summary>What the header of a multiboot kernel says, of either version.</summary>
internal sealed record MultibootHeader
{
    /// <summary>1 or 2.</summary>
    public required int Version { get; init; }

    /// <summary>The pieces of the kernel, by GPA.</summary>
    public required IReadOnlyList<LoadSegment> Segments { get; init; }

    /// <summary>The GPA at which it is entered.</summary>
    public required ulong Entry { get; init; }

    /// <summary>Where it may be moved to, or null: nowhere.</summary>
    public MultibootRelocation? Relocation { get; init; }

    public ulong Start => Segments[0].Address;

    public ulong Size => Segments[^1].End - Start;

    /// <summary>Checks that 32-bit code can be at the pieces, and at the entry.</summary>
    public static void Check(ImageReader reader, IReadOnlyList<LoadSegment> segments, string entryField, long entryOffset, ulong entry)
    {
        if (segments[^1].End > BootPlacement.FourGiB)
        {
            throw reader.Wrong(segments[^1].Name, segments[^1].FileOffset, $"loaded to 0x{segments[^1].Address:X}", "an address below 4 GiB: multiboot enters in 32-bit mode");
        }

        if (!segments.Any(segment => segment.Contains(entry)))
        {
            throw reader.Wrong(entryField, entryOffset, entry, "the address of a byte that is loaded");
        }
    }

    /// <summary>The entry of an ELF kernel: given as the address at which the kernel sees it, which need not be where it is loaded.</summary>
    public static ulong FindElfEntry(ElfFile elf)
    {
        foreach (LoadSegment segment in elf.Segments)
        {
            if (elf.Entry >= segment.VirtualAddress && elf.Entry - segment.VirtualAddress < segment.MemorySize)
            {
                return segment.Address + (elf.Entry - segment.VirtualAddress);
            }
        }

        return elf.Entry;
    }

    /// <summary>The one piece of a kernel that gives its own addresses, instead of those of its file's format (the "a.out kludge").</summary>
    /// <param name="reader">The image.</param>
    /// <param name="headerOffset">Where in the file the multiboot header is.</param>
    /// <param name="at">Where the four addresses are.</param>
    public static LoadSegment ReadAddresses(ImageReader reader, long headerOffset, long at)
    {
        uint header = reader.U32(at, "header_addr");
        uint load = reader.U32(at + 4, "load_addr");
        uint loadEnd = reader.U32(at + 8, "load_end_addr");
        uint end = reader.U32(at + 12, "bss_end_addr");
        bool wholeFile = load == uint.MaxValue; // multiboot 2: the file's first byte is loaded first
        long fileOffset = wholeFile ? 0 : headerOffset - ((long)header - load);
        ulong address = wholeFile ? unchecked(header - (uint)headerOffset) : load;
        if (wholeFile ? header < headerOffset : load > header || fileOffset < 0)
        {
            throw reader.Wrong("load_addr", at + 4, load, $"an address from 0x{long.Max(0, header - headerOffset):X} to header_addr, 0x{header:X}");
        }

        long fileSize = loadEnd == 0 ? reader.Length - fileOffset : (long)loadEnd - (long)address;
        if (fileSize <= 0 || fileSize > reader.Length - fileOffset)
        {
            throw reader.Wrong("load_end_addr", at + 8, loadEnd, $"0, or an address from load_addr to 0x{address + (ulong)(reader.Length - fileOffset):X}: the file ends there");
        }

        ulong memorySize = end == 0 ? (ulong)fileSize : end - address;
        return end != 0 && (end < address || memorySize < (ulong)fileSize)
            ? throw reader.Wrong("bss_end_addr", at + 12, end, $"0, or 0x{address + (ulong)fileSize:X}, where the loaded part ends, or more")
            : new LoadSegment("image", fileOffset, fileSize, address, address, memorySize);
    }
}

/// <summary>Where a multiboot 2 kernel may be moved to.</summary>
/// <param name="From">Lowest address.</param>
/// <param name="Last">Highest address of a byte of it.</param>
/// <param name="Alignment">A power of two.</param>
/// <param name="Preference">0: none; 1: the lowest place; 2: the highest.</param>
internal sealed record MultibootRelocation(ulong From, ulong Last, ulong Alignment, uint Preference);
