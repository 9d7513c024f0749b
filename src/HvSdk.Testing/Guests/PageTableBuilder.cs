using System.Buffers.Binary;

namespace HvSdk.Testing;

/// <summary>Lays out 4-level page tables (Intel SDM vol. 3A, "4-Level Paging").</summary>
/// <remarks>
/// A later mapping replaces what it covers of an earlier one; larger pages are split where needed. So one more call punches a hole, or
/// a page with rights of its own, into an identity map. Upper levels allow everything: the rights of a page stand in its last entry alone.
/// </remarks>
public sealed class PageTableBuilder
{
    /// <summary>Upper bound of <see cref="TableCount"/>; these tables fill 4 MiB.</summary>
    public const int MaxTables = 1024;

    internal const int TableSize = 4096;

    private const int RootLevel = 4;
    private const ulong Present = 1;
    private const ulong LargePage = 1UL << 7;
    private const ulong UpperLevelFlags = Present | (ulong)(PageFlags.Writable | PageFlags.User);
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const ulong AddressSpace = 1UL << 48;
    private const PageFlags AllFlags =
        PageFlags.Writable | PageFlags.User | PageFlags.WriteThrough | PageFlags.CacheDisable | PageFlags.NoExecute;

    private readonly Table _root = new();

    /// <summary>How many tables of 4 KiB the mappings take so far, the root among them.</summary>
    public int TableCount { get; private set; } = 1;

    internal bool UsesNoExecute { get; private set; }

    /// <summary>Tables that map the addresses from 0 on to themselves in pages of 2 MiB.</summary>
    /// <param name="size">Bytes to map, a multiple of 2 MiB.</param>
    /// <param name="flags">What the pages allow.</param>
    public static PageTableBuilder Identity(ulong size, PageFlags flags = PageFlags.Writable | PageFlags.User) =>
        new PageTableBuilder().Map(0, 0, size, flags, PageSize.Size2M);

    /// <summary>Maps a range.</summary>
    /// <param name="virtualAddress">Canonical linear address of the first byte, aligned to the page size.</param>
    /// <param name="physicalAddress">Physical address of the first byte, aligned to the page size.</param>
    /// <param name="length">Bytes, a multiple of the page size.</param>
    /// <param name="flags">What the pages allow.</param>
    /// <param name="pageSize">The page size.</param>
    /// <returns>This builder.</returns>
    /// <exception cref="InvalidOperationException">More than <see cref="MaxTables"/> tables; part of the range is then mapped.</exception>
    public PageTableBuilder Map(
        ulong virtualAddress,
        ulong physicalAddress,
        ulong length,
        PageFlags flags = PageFlags.Writable | PageFlags.User,
        PageSize pageSize = PageSize.Size4K)
    {
        int level = pageSize switch
        {
            PageSize.Size4K => 1,
            PageSize.Size2M => 2,
            PageSize.Size1G => 3,
            _ => throw new ArgumentOutOfRangeException(nameof(pageSize), pageSize, "There is no such page size."),
        };
        (ulong first, ulong last) = CheckRange(virtualAddress, length, (ulong)pageSize);
        ThrowIfUnaligned(physicalAddress, (ulong)pageSize, nameof(physicalAddress));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(physicalAddress, AddressMask + TableSize - length, nameof(physicalAddress));
        if ((flags & ~AllFlags) != 0)
        {
            throw new ArgumentException($"These are no page flags: 0x{(ulong)(flags & ~AllFlags):X}.", nameof(flags));
        }

        UsesNoExecute |= flags.HasFlag(PageFlags.NoExecute);
        ulong entry = physicalAddress | (ulong)flags | Present | (level > 1 ? LargePage : 0);
        Fill(_root, RootLevel, 0, new Filling(first, last, level, entry));
        return this;
    }

    /// <summary>Takes a range out: an access to it is a page fault.</summary>
    /// <param name="virtualAddress">Canonical linear address of the first byte, aligned to 4 KiB.</param>
    /// <param name="length">Bytes, a multiple of 4 KiB.</param>
    /// <returns>This builder.</returns>
    public PageTableBuilder Unmap(ulong virtualAddress, ulong length)
    {
        (ulong first, ulong last) = CheckRange(virtualAddress, length, (ulong)PageSize.Size4K);
        Fill(_root, RootLevel, 0, new Filling(first, last, Level: 1, Entry: 0));
        return this;
    }

    /// <summary>The tables' bytes for a place in guest memory, to which CR3 then points.</summary>
    /// <param name="baseAddress">Physical address of the first table, aligned to 4 KiB.</param>
    public byte[] Build(ulong baseAddress)
    {
        ThrowIfUnaligned(baseAddress, TableSize, nameof(baseAddress));
        byte[] image = new byte[TableCount * TableSize];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(baseAddress, AddressMask + TableSize - (ulong)image.Length, nameof(baseAddress));
        int next = TableSize;
        Emit(_root, 0);
        return image;

        void Emit(Table table, int position)
        {
            for (int i = 0; i < table.Entries.Length; i++)
            {
                ulong entry = table.Entries[i];
                if (table.Children[i] is { } child)
                {
                    entry = (baseAddress + (ulong)next) | UpperLevelFlags;
                    int childPosition = next;
                    next += TableSize;
                    Emit(child, childPosition);
                }

                BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(position + (i * sizeof(ulong))), entry);
            }
        }
    }

    /// <summary>Whether the page around an address is mapped to itself.</summary>
    internal bool IsIdentity(ulong address)
    {
        Table table = _root;
        for (int level = RootLevel; ; level--)
        {
            int index = (int)((address / Span(level)) & 511);
            if (table.Children[index] is not { } child)
            {
                ulong entry = table.Entries[index];
                return (entry & Present) != 0 && (entry & AddressMask) == (address & ~(Span(level) - 1));
            }

            table = child;
        }
    }

    private void Fill(Table table, int level, ulong start, in Filling filling)
    {
        ulong span = Span(level);
        int lastIndex = (int)(Math.Min(filling.Last - start, (span * 512) - 1) / span);
        for (int i = filling.First > start ? (int)((filling.First - start) / span) : 0; i <= lastIndex; i++)
        {
            ulong entryStart = start + ((ulong)i * span);
            bool isCovered = filling.First <= entryStart && entryStart + (span - 1) <= filling.Last;
            if (filling.Entry == 0 ? isCovered : level == filling.Level)
            {
                TableCount -= table.Children[i]?.Count() ?? 0;
                table.Children[i] = null;
                table.Entries[i] = filling.Entry == 0 ? 0 : filling.Entry + (entryStart - filling.First);
            }
            else if (filling.Entry != 0 || table.Entries[i] != 0 || table.Children[i] is not null)
            {
                Fill(table.Children[i] ?? Split(table, i, level), level - 1, entryStart, filling);
            }
        }
    }

    /// <summary>Puts a table below an entry; where the entry was a large page, the table maps the same in smaller ones.</summary>
    private Table Split(Table table, int index, int level)
    {
        if (TableCount == MaxTables)
        {
            throw new InvalidOperationException($"The mappings need more than {MaxTables} page tables; map less, or in larger pages.");
        }

        Table child = new();
        ulong entry = table.Entries[index];
        if (entry != 0)
        {
            ulong first = level == 2 ? entry & ~LargePage : entry;
            for (int i = 0; i < child.Entries.Length; i++)
            {
                child.Entries[i] = first + ((ulong)i * Span(level - 1));
            }
        }

        TableCount++;
        table.Entries[index] = 0;
        table.Children[index] = child;
        return child;
    }

    /// <summary>Bytes that one entry of a table at this level maps.</summary>
    private static ulong Span(int level) => 1UL << (12 + (9 * (level - 1)));

    private static (ulong First, ulong Last) CheckRange(ulong virtualAddress, ulong length, ulong pageSize)
    {
        ThrowIfUnaligned(virtualAddress, pageSize, nameof(virtualAddress));
        ArgumentOutOfRangeException.ThrowIfZero(length);
        ThrowIfUnaligned(length, pageSize, nameof(length));
        const ulong half = AddressSpace / 2;
        if (virtualAddress is >= half and < ulong.MaxValue - half + 1)
        {
            throw new ArgumentOutOfRangeException(nameof(virtualAddress), $"0x{virtualAddress:X} is not canonical: bits 63 to 47 differ.");
        }

        ulong first = virtualAddress % AddressSpace;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, (first < half ? half : AddressSpace) - first);
        return (first, first + (length - 1));
    }

    private static void ThrowIfUnaligned(ulong value, ulong alignment, string name)
    {
        if (value % alignment != 0)
        {
            throw new ArgumentException($"0x{value:X} is not a multiple of 0x{alignment:X}.", name);
        }
    }

    private readonly record struct Filling(ulong First, ulong Last, int Level, ulong Entry);

    private sealed class Table
    {
        public ulong[] Entries { get; } = new ulong[512];

        public Table?[] Children { get; } = new Table?[512];

        public int Count()
        {
            int count = 1;
            foreach (Table? child in Children)
            {
                count += child?.Count() ?? 0;
            }

            return count;
        }
    }
}
