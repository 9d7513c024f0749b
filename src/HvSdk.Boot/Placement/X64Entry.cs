using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>The modes in which images are entered, and the tables in memory that they need.</summary>
internal static class X64Entry
{
    // The selectors of the Linux boot protocol (__BOOT_CS, __BOOT_DS); multiboot leaves the choice to the loader.
    private const ushort CodeSelector = 0x10;
    private const ushort DataSelector = 0x18;
    private const ulong LongCode = 0x00AF_9B00_0000_FFFF;
    private const ulong ProtectedCode = 0x00CF_9B00_0000_FFFF;
    private const ulong FlatData = 0x00CF_9300_0000_FFFF;
    private const int TableSize = 4 * sizeof(ulong);
    private const ulong StackSize = BootPlacement.PageSize;

    private const int GiBShift = 30;
    private const int DirectGigabytes = 4; // always seen
    private const int EntriesPerTable = 512;
    private const ulong PresentWritable = 3;
    private const ulong LargePage = 1 << 7;

    /// <summary>Plans 64-bit mode: the first 4 GiB, and another range, seen at their own addresses through pages of 2 MiB.</summary>
    public static Func<BootWriter, X64Registers, X64BootState> Long(BootPlacement placement, ulong address = 0, ulong size = 1)
    {
        if (size > (1UL << 47) || address > (1UL << 47) - size)
        {
            placement.Problems.Add($"{BootPlacement.Describe(address, size)} is not all below 0x800000000000: an identity map ends there. Load lower.");
            return Unreachable;
        }

        // One page directory for each GiB, one pointer table for each 512 GiB.
        ulong first = ulong.Max(DirectGigabytes, address >> GiBShift);
        ulong end = ulong.Max(first, ((address + ulong.Max(size, 1) - 1) >> GiBShift) + 1);
        if (end - first > EntriesPerTable)
        {
            placement.Problems.Add("An image of more than 512 GiB cannot be seen at its own address. Load a smaller one.");
            return Unreachable;
        }

        ulong[] gigabytes = new ulong[DirectGigabytes + (int)(end - first)];
        var terabytes = new List<ulong>();
        for (int i = 0; i < gigabytes.Length; i++)
        {
            gigabytes[i] = i < DirectGigabytes ? (ulong)i : first + (ulong)(i - DirectGigabytes);
            if (terabytes is [] || terabytes[^1] != gigabytes[i] / EntriesPerTable)
            {
                terabytes.Add(gigabytes[i] / EntriesPerTable);
            }
        }

        ulong tables = placement.AllocateLow("the page tables", (ulong)(1 + terabytes.Count + gigabytes.Length) * BootPlacement.PageSize);
        (ulong gdt, ulong stackTop) = AllocateCommon(placement);
        return (writer, registers) =>
        {
            writer.Write(tables, BuildPageTables(tables, terabytes, gigabytes));
            WriteGdt(writer, gdt, LongCode);
            return new X64BootState
            {
                Registers = registers with { Rflags = X64Flags.Reserved1, Rsp = stackTop },
                SpecialRegisters = Flat(gdt, isLong: true) with
                {
                    Cr0 = X64Cr0.ProtectionEnable | X64Cr0.ExtensionType | X64Cr0.NumericError | X64Cr0.Paging,
                    Cr3 = tables,
                    Cr4 = X64Cr4.PhysicalAddressExtension,
                    Efer = X64Efer.LongModeEnable | X64Efer.LongModeActive,
                },
            };
        };
    }

    /// <summary>Plans flat 32-bit protected mode without paging.</summary>
    public static Func<BootWriter, X64Registers, X64BootState> Protected(BootPlacement placement)
    {
        (ulong gdt, ulong stackTop) = AllocateCommon(placement);
        return (writer, registers) =>
        {
            WriteGdt(writer, gdt, ProtectedCode);
            return new X64BootState
            {
                Registers = registers with { Rflags = X64Flags.Reserved1, Rsp = stackTop },
                SpecialRegisters = Flat(gdt, isLong: false) with { Cr0 = X64Cr0.ProtectionEnable | X64Cr0.ExtensionType },
            };
        };
    }

    /// <summary>Plans real mode, with a stack segment of its own.</summary>
    /// <param name="placement">Where to put things.</param>
    /// <param name="codeSegment">CS; the data segments are the same.</param>
    public static Func<BootWriter, X64Registers, X64BootState> Real(BootPlacement placement, ushort codeSegment)
    {
        ulong stack = placement.Allocate("the stack", StackSize, BootPlacement.PageSize, BootPlacement.PageSize, 0xA_0000, highest: true);
        return (_, registers) =>
        {
            X64Segment data = X64Segment.RealMode(codeSegment);
            return new X64BootState
            {
                Registers = registers with { Rflags = X64Flags.Reserved1, Rsp = StackSize },
                SpecialRegisters = new X64SpecialRegisters
                {
                    Cs = X64Segment.RealMode(codeSegment, isCode: true),
                    Ds = data,
                    Es = data,
                    Fs = data,
                    Gs = data,
                    Ss = X64Segment.RealMode((ushort)(stack >> 4)),
                    Tr = new() { Limit = 0xFFFF, Type = 0xB, IsPresent = true },
                    Ldt = new() { Limit = 0xFFFF, Type = 0x2, IsPresent = true },
                    Gdt = new(0, 0xFFFF),
                    Idt = new(0, 0x3FF), // 256 vectors
                    Cr0 = X64Cr0.ExtensionType,
                },
            };
        };
    }

    private static X64BootState Unreachable(BootWriter writer, X64Registers registers) =>
        throw new InvalidOperationException("An image with a problem is not loaded.");

    private static (ulong Gdt, ulong StackTop) AllocateCommon(BootPlacement placement)
    {
        // In one piece: the table is small, and no entry protocol promises a stack of any size.
        ulong page = placement.AllocateLow("the descriptor table and first stack", StackSize);
        return (page, page + StackSize);
    }

    private static void WriteGdt(BootWriter writer, ulong address, ulong code)
    {
        Span<byte> table = stackalloc byte[TableSize];
        table.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(table[CodeSelector..], code);
        BinaryPrimitives.WriteUInt64LittleEndian(table[DataSelector..], FlatData);
        writer.Write(address, table);
    }

    private static X64SpecialRegisters Flat(ulong gdt, bool isLong)
    {
        X64Segment data = X64Segment.FlatData(DataSelector);
        return new X64SpecialRegisters
        {
            Cs = X64Segment.FlatCode(CodeSelector, isLong),
            Ds = data,
            Es = data,
            Fs = data,
            Gs = data,
            Ss = data,
            Tr = new() { Limit = 0x67, Type = 0xB, IsPresent = true }, // as PVH asks for
            Ldt = new() { IsUnusable = true },
            Gdt = new(gdt, TableSize - 1),
        };
    }

    // Intel SDM vol. 3A, 4.5: PML4, page directory pointer tables, page directories.
    private static byte[] BuildPageTables(ulong address, List<ulong> terabytes, ulong[] gigabytes)
    {
        byte[] tables = new byte[(1 + terabytes.Count + gigabytes.Length) * (int)BootPlacement.PageSize];
        for (int t = 0; t < terabytes.Count; t++)
        {
            Set(tables, 0, (int)terabytes[t], Table(address, 1 + t) | PresentWritable);
        }

        for (int g = 0; g < gigabytes.Length; g++)
        {
            int directory = 1 + terabytes.Count + g;
            int pointers = 1 + terabytes.IndexOf(gigabytes[g] / EntriesPerTable);
            Set(tables, pointers, (int)(gigabytes[g] % EntriesPerTable), Table(address, directory) | PresentWritable);
            for (int i = 0; i < EntriesPerTable; i++)
            {
                Set(tables, directory, i, (gigabytes[g] << GiBShift) | ((ulong)i << 21) | PresentWritable | LargePage);
            }
        }

        return tables;
    }

    private static ulong Table(ulong address, int index) => address + ((ulong)index * BootPlacement.PageSize);

    private static void Set(byte[] tables, int table, int index, ulong entry) =>
        BinaryPrimitives.WriteUInt64LittleEndian(tables.AsSpan((table * (int)BootPlacement.PageSize) + (index * sizeof(ulong))), entry);
}
