using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>struct boot_params, what a Linux kernel is told (Documentation/arch/x86/zero-page.rst; offsets from uapi/asm/bootparam.h).</summary>
internal sealed class ZeroPage
{
    public const int Size = 4096;

    /// <summary>Longest command line of an x86 kernel that does not say so itself (COMMAND_LINE_SIZE, without the final zero).</summary>
    public const uint DefaultCommandLineSize = 2047;

    private const int MapEntrySize = 20;
    private const int MaxMapEntries = 128;
    private const int SetupDataHeaderSize = 16;
    private const uint SetupDataMemoryMap = 1; // SETUP_E820_EXT

    private readonly byte[] _page = new byte[Size];
    private readonly IReadOnlyList<MemoryMapEntry> _map;

    /// <summary>Starts a page.</summary>
    /// <param name="header">The header of the kernel's bzImage; empty: it had none.</param>
    /// <param name="map">The memory map.</param>
    public ZeroPage(ReadOnlySpan<byte> header, IReadOnlyList<MemoryMapEntry> map)
    {
        _map = map;
        if (header.IsEmpty)
        {
            U16(0x1FE, SetupHeader.BootFlag);
            U32(0x202, SetupHeader.Magic);
            U16(0x206, 0x020F);
            _page[0x211] = SetupHeader.LoadedHigh;
            U32(0x230, 2 << 20); // kernel_alignment
            U16(0x236, SetupHeader.Kernel64 | SetupHeader.CanBeLoadedAbove4G);
            U32(0x238, DefaultCommandLineSize);
        }
        else
        {
            header.CopyTo(_page.AsSpan(SetupHeader.Offset));
        }

        U16(0x1FA, 0xFFFF); // vid_mode: as it is
        _page[0x210] = 0xFF; // type_of_loader: one without a number of its own
        U64(0x250, 0); // setup_data
        int direct = int.Min(map.Count, MaxMapEntries);
        _page[0x1E8] = (byte)direct;
        for (int i = 0; i < direct; i++)
        {
            WriteEntry(_page.AsSpan(0x2D0 + (i * MapEntrySize)), map[i]);
        }
    }

    /// <summary>Bytes of the memory map that did not fit the page, with their header; 0: it all did.</summary>
    public static int MoreMapSize(IReadOnlyList<MemoryMapEntry> map) =>
        map.Count <= MaxMapEntries ? 0 : SetupDataHeaderSize + ((map.Count - MaxMapEntries) * MapEntrySize);

    public ulong CommandLine
    {
        set
        {
            U32(0x228, (uint)value);
            U32(0xC8, (uint)(value >> 32));
        }
    }

    public ulong CodeStart
    {
        set => U32(0x214, (uint)value);
    }

    public ulong AcpiRootPointer
    {
        set => U64(0x70, value);
    }

    public void SetInitialRamDisk(ulong address, ulong size)
    {
        U32(0x218, (uint)address);
        U32(0x21C, (uint)size);
        U32(0xC0, (uint)(address >> 32));
        U32(0xC4, (uint)(size >> 32));
    }

    /// <summary>Writes the page, and what of the map did not fit it.</summary>
    public void Write(BootWriter writer, ulong address, ulong moreMapAddress)
    {
        int size = MoreMapSize(_map);
        if (size > 0)
        {
            byte[] more = new byte[size];
            BinaryPrimitives.WriteUInt32LittleEndian(more.AsSpan(8), SetupDataMemoryMap); // behind the next one's address, which is 0
            BinaryPrimitives.WriteUInt32LittleEndian(more.AsSpan(12), (uint)(size - SetupDataHeaderSize));
            for (int i = MaxMapEntries; i < _map.Count; i++)
            {
                WriteEntry(more.AsSpan(SetupDataHeaderSize + ((i - MaxMapEntries) * MapEntrySize)), _map[i]);
            }

            writer.Write(moreMapAddress, more);
            U64(0x250, moreMapAddress);
        }

        writer.Write(address, _page);
    }

    private static void WriteEntry(Span<byte> entry, MemoryMapEntry value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(entry, value.Address);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], value.Size);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[16..], (uint)value.Kind);
    }

    private void U16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_page.AsSpan(offset), value);

    private void U32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_page.AsSpan(offset), value);

    private void U64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(_page.AsSpan(offset), value);
}
