namespace HvSdk.Boot;

/// <summary>The parts of an ELF executable for x86 that loading needs (System V ABI, gABI 4.1, chapters 4 and 5).</summary>
internal sealed class ElfFile
{
    public const ushort Machine386 = 3;
    public const ushort MachineX64 = 62;

    private const int MaxProgramHeaders = 128; // kernels have about five
    private const uint TypeLoad = 1;
    private const uint TypeNote = 4;
    private const ushort FileExecutable = 2;
    private const ushort FileShared = 3; // position-independent

    private ElfFile(bool is64, ushort machine, ulong entry, long entryOffset, List<LoadSegment> segments, List<ElfNotes> notes)
    {
        Is64 = is64;
        Machine = machine;
        Entry = entry;
        EntryOffset = entryOffset;
        Segments = segments;
        Notes = notes;
    }

    public bool Is64 { get; }

    public ushort Machine { get; }

    public ulong Entry { get; }

    /// <summary>Where the file says what the entry is.</summary>
    public long EntryOffset { get; }

    /// <summary>By GPA, none overlapping another.</summary>
    public IReadOnlyList<LoadSegment> Segments { get; }

    public IReadOnlyList<ElfNotes> Notes { get; }

    /// <summary>Lowest GPA of a segment.</summary>
    public ulong Start => Segments[0].Address;

    /// <summary>The GPA behind the last segment.</summary>
    public ulong End => Segments[^1].End;

    public static bool IsElf(ImageReader reader)
    {
        Span<byte> magic = stackalloc byte[4];
        if (reader.Length < magic.Length)
        {
            return false;
        }

        reader.Read(0, magic, "e_ident");
        return magic.SequenceEqual("\u007FELF"u8);
    }

    /// <summary>Reads and checks the headers.</summary>
    /// <param name="reader">Gives the headers.</param>
    /// <param name="length">How long the whole file is; the reader may know its head only.</param>
    public static ElfFile Read(ImageReader reader, long length)
    {
        uint magic = reader.U32(0, "e_ident magic");
        if (magic != 0x464C_457F)
        {
            throw reader.Wrong("e_ident magic", 0, $"0x{magic:X8}{reader.Guess()}", "0x464C457F, an ELF file");
        }

        byte fileClass = reader.U8(4, "EI_CLASS");
        if (fileClass is not (1 or 2))
        {
            throw reader.Wrong("EI_CLASS", 4, fileClass, "1 (32-bit) or 2 (64-bit)");
        }

        bool is64 = fileClass == 2;
        byte order = reader.U8(5, "EI_DATA");
        if (order != 1)
        {
            throw reader.Wrong("EI_DATA", 5, order, "1, little-endian");
        }

        ushort machine = reader.U16(18, "e_machine");
        if (machine is not (Machine386 or MachineX64))
        {
            throw reader.Wrong("e_machine", 18, MachineName(machine), $"{Machine386} (x86) or {MachineX64} (x86-64)");
        }

        ushort type = reader.U16(16, "e_type");
        if (type is not (FileExecutable or FileShared))
        {
            throw reader.Wrong("e_type", 16, type, "2 (executable) or 3 (position-independent)");
        }

        ulong entry = is64 ? reader.U64(24, "e_entry") : reader.U32(24, "e_entry");
        ulong tableOffset = is64 ? reader.U64(32, "e_phoff") : reader.U32(28, "e_phoff");
        int entrySizeAt = is64 ? 54 : 42;
        int entrySize = reader.U16(entrySizeAt, "e_phentsize");
        int count = reader.U16(entrySizeAt + 2, "e_phnum");
        if (count is 0 or > MaxProgramHeaders)
        {
            throw reader.Wrong("e_phnum", entrySizeAt + 2, $"{count}", $"1 to {MaxProgramHeaders} program headers");
        }

        if (entrySize < (is64 ? 56 : 32))
        {
            throw reader.Wrong("e_phentsize", entrySizeAt, $"{entrySize}", is64 ? "56" : "32");
        }

        if (tableOffset > (ulong)length)
        {
            throw reader.Wrong("e_phoff", is64 ? 32 : 28, tableOffset, $"a place within the file's 0x{length:X} bytes");
        }

        var segments = new List<LoadSegment>();
        var notes = new List<ElfNotes>();
        for (int i = 0; i < count; i++)
        {
            ReadProgramHeader(reader, length, is64, (long)tableOffset + (i * entrySize), i, segments, notes);
        }

        if (segments.Count == 0)
        {
            throw reader.Wrong("e_phnum", entrySizeAt + 2, $"{count} program headers, none of which loads anything", "one of type PT_LOAD at least");
        }

        segments.Sort(static (a, b) => a.Address.CompareTo(b.Address));
        for (int i = 1; i < segments.Count; i++)
        {
            if (segments[i].Address < segments[i - 1].End)
            {
                throw reader.Wrong(
                    "p_paddr", (long)tableOffset, $"0x{segments[i].Address:X} for {segments[i].Name}, which is within {segments[i - 1].Name}",
                    $"0x{segments[i - 1].End:X} or more");
            }
        }

        return new ElfFile(is64, machine, entry, 24, segments, notes);
    }

    private static void ReadProgramHeader(
        ImageReader reader, long length, bool is64, long at, int index, List<LoadSegment> segments, List<ElfNotes> notes)
    {
        string name = $"program header {index}";
        uint type = reader.U32(at, $"{name} p_type");
        if (type is not (TypeLoad or TypeNote))
        {
            return;
        }

        // 64-bit: type, flags, offset, vaddr, paddr, filesz, memsz, align. 32-bit: the same in words, flags before align.
        int word = is64 ? 8 : 4;
        ulong Field(int number, string field) =>
            is64 ? reader.U64(at + 8 + ((number - 1) * 8), $"{name} {field}") : reader.U32(at + (number * 4), $"{name} {field}");
        long Place(int number) => is64 ? at + 8 + ((number - 1) * 8) : at + (number * word);

        ulong offset = Field(1, "p_offset");
        ulong virtualAddress = Field(2, "p_vaddr");
        ulong address = Field(3, "p_paddr");
        ulong fileSize = Field(4, "p_filesz");
        ulong memorySize = Field(5, "p_memsz");
        ulong alignment = is64 ? reader.U64(at + 48, $"{name} p_align") : reader.U32(at + 28, $"{name} p_align");
        if (offset > (ulong)length && fileSize > 0)
        {
            throw reader.Wrong($"{name} p_offset", Place(1), offset, $"at most 0x{length:X}, the file's length");
        }

        if (fileSize > 0 && fileSize > (ulong)length - offset)
        {
            throw reader.Wrong($"{name} p_filesz", Place(4), fileSize, $"at most 0x{(ulong)length - offset:X}: the file ends there");
        }

        if (type == TypeNote)
        {
            notes.Add(new ElfNotes((long)offset, (long)fileSize, alignment == 8 ? 8 : 4));
            return;
        }

        if (memorySize < fileSize)
        {
            throw reader.Wrong($"{name} p_memsz", Place(5), memorySize, $"at least p_filesz, 0x{fileSize:X}");
        }

        if (memorySize > ulong.MaxValue - address)
        {
            throw reader.Wrong($"{name} p_memsz", Place(5), memorySize, $"a segment from p_paddr 0x{address:X} on that does not wrap around");
        }

        if (memorySize > 0)
        {
            segments.Add(new LoadSegment($"segment {index}", fileSize == 0 ? 0 : (long)offset, (long)fileSize, address, virtualAddress, memorySize));
        }
    }

    private static string MachineName(ushort machine) => machine switch
    {
        183 => "183 (arm64)",
        40 => "40 (arm)",
        243 => "243 (RISC-V)",
        21 => "21 (PowerPC 64)",
        22 => "22 (S/390)",
        8 => "8 (MIPS)",
        _ => $"{machine}",
    };
}
