using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>Multiboot Specification version 0.6.96: the header (3.1) and the information for the kernel (3.3).</summary>
internal static class Multiboot1
{
    public const uint BootMagic = 0x2BAD_B002; // in EAX
    public const int InformationSize = 116;

    private const uint Magic = 0x1BAD_B002;
    private const int SearchSize = 8192;
    private const int MapEntrySize = 24;
    private const int ModuleSize = 16;

    private const uint PageAlignModules = 1 << 0;
    private const uint MemoryInformation = 1 << 1;
    private const uint VideoMode = 1 << 2;
    private const uint OwnAddresses = 1 << 16;
    private const uint Requirements = 0xFFFF;

    public static MultibootHeader Read(ImageReader reader)
    {
        long at = Find(reader);
        uint flags = reader.U32(at + 4, "flags");
        if ((flags & VideoMode) != 0)
        {
            throw reader.Wrong("flags", at + 4, $"0x{flags:X8}, which requires a video mode (bit 2)", "a kernel that needs none: there is no display");
        }

        if ((flags & Requirements & ~(PageAlignModules | MemoryInformation)) is not 0 and uint unknown)
        {
            throw reader.Wrong("flags", at + 4, $"0x{flags:X8}, which requires what no specification names (0x{unknown:X})", "bits 0 and 1 of the lower 16 at most");
        }

        if ((flags & OwnAddresses) != 0)
        {
            LoadSegment[] image = [MultibootHeader.ReadAddresses(reader, at, at + 12)];
            uint entry = reader.U32(at + 28, "entry_addr");
            MultibootHeader.Check(reader, image, "entry_addr", at + 28, entry);
            return new MultibootHeader { Version = 1, Segments = image, Entry = entry };
        }

        if (!ElfFile.IsElf(reader))
        {
            throw reader.Wrong("flags", at + 4, $"0x{flags:X8} in a file that is no ELF file", "bit 16 set: the addresses of such a kernel are in its multiboot header");
        }

        ElfFile elf = ElfFile.Read(reader, reader.Length);
        ulong elfEntry = MultibootHeader.FindElfEntry(elf);
        MultibootHeader.Check(reader, elf.Segments, "e_entry", elf.EntryOffset, elfEntry);
        return new MultibootHeader { Version = 1, Segments = elf.Segments, Entry = elfEntry };
    }

    public static ulong MapSize(BootMachine machine) => (ulong)machine.MemoryMap.Count * MapEntrySize;

    public static ulong ModulesSize(int count) => (ulong)count * ModuleSize;

    public static byte[] BuildMap(BootMachine machine)
    {
        byte[] map = new byte[MapSize(machine)];
        Span<byte> at = map;
        foreach (MemoryMapEntry entry in machine.MemoryMap)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(at, MapEntrySize - sizeof(uint)); // the size does not count itself
            BinaryPrimitives.WriteUInt64LittleEndian(at[4..], entry.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(at[12..], entry.Size);
            BinaryPrimitives.WriteUInt32LittleEndian(at[20..], (uint)entry.Kind);
            at = at[MapEntrySize..];
        }

        return map;
    }

    public static byte[] BuildModules(IReadOnlyList<PlacedModule> modules)
    {
        byte[] list = new byte[modules.Count * ModuleSize];
        for (int i = 0; i < modules.Count; i++)
        {
            Span<byte> at = list.AsSpan(i * ModuleSize);
            BinaryPrimitives.WriteUInt32LittleEndian(at, (uint)modules[i].Address);
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], (uint)modules[i].End);
            BinaryPrimitives.WriteUInt32LittleEndian(at[8..], (uint)modules[i].CommandLine);
        }

        return list;
    }

    public static byte[] BuildInformation(BootMachine machine, uint commandLine, uint loaderName, int moduleCount, uint modules, uint map)
    {
        (uint lower, uint upper) = MultibootImage.MeasureMemory(machine);
        byte[] information = new byte[InformationSize];
        U32(0, (1 << 0) | (1 << 2) | (1 << 3) | (1 << 6) | (1 << 9)); // memory, command line, modules, map, loader name
        U32(4, lower);
        U32(8, upper);
        U32(16, commandLine);
        U32(20, (uint)moduleCount);
        U32(24, modules);
        U32(44, (uint)MapSize(machine));
        U32(48, map);
        U32(64, loaderName);
        return information;

        void U32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(information.AsSpan(offset), value);
    }

    private static long Find(ImageReader reader)
    {
        byte[] head = new byte[(int)long.Min(SearchSize, reader.Length)];
        reader.Read(0, head, "multiboot header");
        Span<byte> magic = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(magic, Magic);
        BootImageException? wrong = null;
        int found;
        for (int at = 0; (found = head.AsSpan(at).IndexOf(magic)) >= 0; at += 1)
        {
            at += found;
            if (at % 4 != 0 || head.Length - at < 12)
            {
                continue;
            }

            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(at + 4));
            uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(at + 8));
            if (unchecked(Magic + flags + checksum) == 0)
            {
                return at;
            }

            wrong ??= reader.Wrong("checksum", at + 8, checksum, $"0x{unchecked(0 - Magic - flags):X}: with magic and flags it makes zero");
        }

        throw wrong ?? reader.Wrong("multiboot header", 0, $"not in the first {head.Length} bytes{reader.Guess()}", $"the number 0x{Magic:X8} at a multiple of 4");
    }
}
