using System.Buffers.Binary;

namespace HvSdk.Testing;

/// <summary>The tables in guest memory that a program starts with.</summary>
internal static class GuestTables
{
    public const string PageTablesName = "page tables";

    private const int TssSize = 0x68;
    private const int PortCount = 0x1_0000;
    private const byte BusyTss = 0xB;

    /// <summary>All tables of a mode; <paramref name="code"/> tells the handlers.</summary>
    public static List<GuestImagePart> Create(GuestMode mode, GuestLayout layout, AssembledGuest code)
    {
        if (mode == GuestMode.Real)
        {
            return code.Handlers.Count == 0 ? [] : [new("interrupt vectors", 0, CreateIdt(mode, layout, code))];
        }

        GuestLayoutRules.CheckTables(mode, layout);
        List<GuestImagePart> parts =
        [
            new("GDT", layout.GdtAddress, CreateGdt(mode, layout)),
            new("TSS", layout.TssAddress, CreateTss(mode, layout)),
            new("IDT", layout.IdtAddress, CreateIdt(mode, layout, code)),
        ];
        if (GuestLayoutRules.HasPaging(mode, layout))
        {
            parts.Add(new(PageTablesName, layout.PageTableAddress, CreatePageTables(mode, layout)));
        }

        return parts;
    }

    public static ushort GdtLimit(GuestMode mode) => (ushort)(GuestSelectors.Task + (mode == GuestMode.Long ? 16 : 8) - 1);

    public static X64Segment TaskSegment(GuestLayout layout) => new()
    {
        Base = layout.TssAddress,
        Limit = (uint)TssLength(layout) - 1,
        Selector = GuestSelectors.Task,
        Type = BusyTss,
        IsPresent = true,
    };

    // Programs of level 3 get an I/O map that allows all ports: their I/O privilege level says the same, but not every host heeds it.
    private static int TssLength(GuestLayout layout) => layout.PrivilegeLevel == 3 ? TssSize + (PortCount / 8) + 1 : TssSize;

    private static byte[] CreateGdt(GuestMode mode, GuestLayout layout)
    {
        bool isLong = mode == GuestMode.Long;
        GdtBuilder gdt = new();
        gdt.Add(X64Segment.FlatCode(GuestSelectors.KernelCode, isLong));
        gdt.Add(X64Segment.FlatData(GuestSelectors.KernelData));
        gdt.Add(X64Segment.FlatData(GuestSelectors.UserData));
        gdt.Add(X64Segment.FlatCode(GuestSelectors.UserCode, isLong));
        if (isLong)
        {
            gdt.AddLongSystem(TaskSegment(layout));
        }
        else
        {
            gdt.Add(TaskSegment(layout));
        }

        return gdt.Build();
    }

    /// <summary>The stack of level 0 and the I/O map, which ends in a byte of ones (Intel SDM vol. 3A, "Task Management").</summary>
    private static byte[] CreateTss(GuestMode mode, GuestLayout layout)
    {
        byte[] tss = new byte[TssLength(layout)];
        if (layout.PrivilegeLevel == 3)
        {
            tss[^1] = 0xFF;
        }

        if (mode == GuestMode.Long)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(tss.AsSpan(4), layout.InterruptStackTop);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(tss.AsSpan(4), (uint)layout.InterruptStackTop);
            BinaryPrimitives.WriteUInt16LittleEndian(tss.AsSpan(8), GuestSelectors.KernelData);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(tss.AsSpan(0x66), TssSize);
        return tss;
    }

    private static byte[] CreateIdt(GuestMode mode, GuestLayout layout, AssembledGuest code)
    {
        IdtBuilder idt = new(mode);
        bool isReal = mode == GuestMode.Real;
        ulong segmentBase = isReal ? GuestStart.RealModeSegmentBase(layout) : 0;
        ushort selector = isReal ? (ushort)(segmentBase >> 4) : GuestSelectors.KernelCode;
        foreach ((byte vector, GuestHandler handler) in code.Handlers)
        {
            idt.SetGate(vector, selector, handler.Address - segmentBase, privilegeLevel: handler.PrivilegeLevel);
        }

        return idt.Build();
    }

    private static byte[] CreatePageTables(GuestMode mode, GuestLayout layout)
    {
        if (mode == GuestMode.Long)
        {
            return (layout.PageTables ?? PageTableBuilder.Identity(layout.IdentityMappedSize)).Build(layout.PageTableAddress);
        }

        // 32-bit paging, entries that map pages of 4 MiB: present, writable, user, page size.
        byte[] directory = new byte[PageTableBuilder.TableSize];
        for (ulong address = 0; address < layout.IdentityMappedSize; address += GuestLayoutRules.ProtectedModePageSize)
        {
            int index = (int)(address / GuestLayoutRules.ProtectedModePageSize);
            BinaryPrimitives.WriteUInt32LittleEndian(directory.AsSpan(index * sizeof(uint)), (uint)address | 0x87);
        }

        return directory;
    }
}
