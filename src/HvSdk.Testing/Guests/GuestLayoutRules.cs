namespace HvSdk.Testing;

/// <summary>Refuses layouts that cannot work, in words.</summary>
internal static class GuestLayoutRules
{
    public const ulong ProtectedModePageSize = 1UL << 22;

    private const ulong RealModeEnd = 1UL << 20;
    private const ulong SegmentSize = 1UL << 16;
    private const ulong ProtectedModeEnd = 1UL << 32;
    private const ulong PhysicalEnd = 1UL << 52;
    private const ulong LongModeMapEnd = 1UL << 39;

    /// <summary>Checks a layout for a mode; what the parts themselves say comes from the program.</summary>
    public static void Check(GuestMode mode, GuestLayout layout, ulong codeLength, IReadOnlyList<GuestImagePart> tables)
    {
        CheckStart(mode, layout);
        List<Region> regions =
        [
            new("code", layout.CodeAddress, codeLength),
            Stack("stack", layout.StackTop),
        ];
        if (mode != GuestMode.Real)
        {
            regions.Add(Stack("interrupt stack", layout.InterruptStackTop));
        }

        foreach (GuestImagePart table in tables)
        {
            regions.Add(new(table.Name, table.Address, (ulong)table.Bytes.Length));
        }

        foreach (Region region in regions)
        {
            CheckReach(mode, layout, region);
        }

        CheckOverlaps(regions);
        if (mode == GuestMode.Real)
        {
            CheckRealMode(layout, regions[0]);
        }
    }

    /// <summary>Checks what must hold before tables can be laid out at all.</summary>
    public static void CheckTables(GuestMode mode, GuestLayout layout)
    {
        CheckAligned("GDT", layout.GdtAddress, 8);
        CheckAligned("TSS", layout.TssAddress, 128);
        CheckAligned("IDT", layout.IdtAddress, 8);
        if (mode == GuestMode.Protected)
        {
            CheckReach(mode, layout, new("GDT", layout.GdtAddress, 1));
            CheckReach(mode, layout, new("TSS", layout.TssAddress, 1));
        }

        if (layout.PageTables is not null && mode != GuestMode.Long)
        {
            throw Refuse("page tables of four levels are for long mode alone");
        }

        if (!HasPaging(mode, layout))
        {
            return;
        }

        CheckAligned("page tables", layout.PageTableAddress, PageTableBuilder.TableSize);
        (ulong unit, ulong end) = mode == GuestMode.Long
            ? ((ulong)PageSize.Size2M, LongModeMapEnd)
            : (ProtectedModePageSize, ProtectedModeEnd);
        if (layout.IdentityMappedSize == 0 || layout.IdentityMappedSize % unit != 0 || layout.IdentityMappedSize > end)
        {
            throw Refuse($"the identity map is a multiple of 0x{unit:X} up to 0x{end:X}, not 0x{layout.IdentityMappedSize:X}");
        }

        ulong tablesEnd = mode == GuestMode.Long ? PhysicalEnd : ProtectedModeEnd;
        if (layout.PageTableAddress >= tablesEnd - (PageTableBuilder.MaxTables * (ulong)PageTableBuilder.TableSize))
        {
            throw Refuse($"the page tables at 0x{layout.PageTableAddress:X} lie too high");
        }
    }

    public static bool HasPaging(GuestMode mode, GuestLayout layout) =>
        mode == GuestMode.Long || (mode == GuestMode.Protected && layout.Paging);

    private static void CheckStart(GuestMode mode, GuestLayout layout)
    {
        if (layout.PrivilegeLevel is not (0 or 3))
        {
            throw Refuse($"a program starts at privilege level 0 or 3, not {layout.PrivilegeLevel}");
        }

        if (mode == GuestMode.Real && (layout.PrivilegeLevel != 0 || layout.Paging || layout.PageTables is not null))
        {
            throw Refuse("real mode has neither privilege levels nor paging");
        }

        CheckAligned("stack top", layout.StackTop, 16);
        if (mode != GuestMode.Real)
        {
            CheckAligned("interrupt stack top", layout.InterruptStackTop, 16);
        }
    }

    private static void CheckRealMode(GuestLayout layout, Region code)
    {
        if (layout.StackTop > SegmentSize)
        {
            throw Refuse($"the stack of real mode ends at 0x{SegmentSize:X} or below, not at 0x{layout.StackTop:X}");
        }

        if (code.Start >= SegmentSize)
        {
            CheckAligned("code of real mode from 64 KiB on", code.Start, 16);
        }

        if (code.Last - GuestStart.RealModeSegmentBase(layout) >= SegmentSize)
        {
            throw Refuse($"the {code} does not fit into one segment of 64 KiB");
        }
    }

    private static void CheckReach(GuestMode mode, GuestLayout layout, Region region)
    {
        bool isMapped = region.Name != GuestTables.PageTablesName;
        ulong end = mode switch
        {
            GuestMode.Real => RealModeEnd,
            GuestMode.Protected => isMapped && layout.Paging ? layout.IdentityMappedSize : ProtectedModeEnd,
            _ => isMapped && layout.PageTables is null ? layout.IdentityMappedSize : PhysicalEnd,
        };
        if (region.Start >= end || region.Length > end - region.Start)
        {
            throw Refuse($"the {region} is out of reach: it must end at 0x{end:X} or below");
        }

        if (isMapped && mode == GuestMode.Long && layout.PageTables is { } tables)
        {
            for (ulong page = region.Start & ~0xFFFUL; page <= region.Last; page += PageTableBuilder.TableSize)
            {
                if (!tables.IsIdentity(page))
                {
                    throw Refuse($"the page tables do not map the page 0x{page:X} of the {region} to itself");
                }
            }
        }
    }

    private static void CheckOverlaps(List<Region> regions)
    {
        for (int i = 0; i < regions.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (regions[i].Start <= regions[j].Last && regions[j].Start <= regions[i].Last)
                {
                    throw Refuse($"the {regions[j]} overlaps the {regions[i]}");
                }
            }
        }
    }

    private static Region Stack(string name, ulong top) =>
        top >= GuestLayout.StackSize
            ? new(name, top - GuestLayout.StackSize, GuestLayout.StackSize)
            : throw Refuse($"the {name} needs 0x{GuestLayout.StackSize:X} bytes below its top 0x{top:X}");

    private static void CheckAligned(string name, ulong address, ulong alignment)
    {
        if (address % alignment != 0)
        {
            throw Refuse($"the {name} at 0x{address:X} is not aligned to 0x{alignment:X}");
        }
    }

    private static ArgumentException Refuse(string reason) => new($"The guest layout cannot work: {reason}.");

    private readonly record struct Region(string Name, ulong Start, ulong Length)
    {
        public ulong Last => Start + (Length - 1);

        public override string ToString() => $"{Name} (0x{Start:X} to 0x{Last:X})";
    }
}
