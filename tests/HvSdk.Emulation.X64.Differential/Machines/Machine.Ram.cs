using System.Buffers.Binary;
using HvSdk.Testing;

namespace HvSdk.Emulation.Differential;

/// <content>What lies in RAM.</content>
public sealed partial class Machine
{
    /// <summary>Bytes of a TSS without its I/O map.</summary>
    internal const int TssSize = 0x68;

    private const int IoMapSize = 0x2001; // all ports, and the byte of ones that ends it
    private const uint TssLength = TssSize + IoMapSize;

    private const byte Hlt = 0xF4;
    private const ulong Present = 1;
    private const ulong AccessedAndDirty = 0x60;

    private byte[] CreateRam()
    {
        byte[] ram = new byte[MachineMap.RamSize];
        WriteGdt(ram.AsSpan((int)MachineMap.Gdt));
        WriteTss(ram.AsSpan((int)MachineMap.Tss));
        WriteIdt(ram);
        for (int vector = 0; vector < 256; vector++)
        {
            ram[(int)MachineMap.Handlers + (vector * MachineMap.HandlerSize)] = Hlt;
        }

        Span<byte> landing = ram.AsSpan((int)MachineMap.Landing, MachineMap.PageSize);
        for (int i = 0; i < landing.Length; i += CaseEncoder.End.Length)
        {
            CaseEncoder.End.CopyTo(landing[i..]);
        }

        if (HasPaging)
        {
            byte[] tables = IsLong ? CreateLongTables() : Create32BitTables();
            tables.CopyTo(ram.AsSpan((int)MachineMap.PageTables));
        }

        FillArena(ram.AsSpan((int)MachineMap.Arena, MachineMap.ArenaPages * MachineMap.PageSize));
        return ram;
    }

    private void WriteGdt(Span<byte> gdt)
    {
        GdtBuilder builder = new();
        builder.Add(X64Segment.FlatCode(MachineSelectors.KernelCode32));
        builder.Add(X64Segment.FlatCode(MachineSelectors.KernelCode64, isLong: true));
        builder.Add(X64Segment.FlatData(MachineSelectors.KernelData));
        builder.Add(X64Segment.FlatCode(MachineSelectors.UserCode32));
        builder.Add(X64Segment.FlatData(MachineSelectors.UserData));
        builder.Add(X64Segment.FlatCode(MachineSelectors.UserCode64, isLong: IsLong));
        builder.Add(Code16(MachineSelectors.KernelCode16));
        builder.AddLongSystem(TaskSegment);
        builder.Add(Code16(MachineSelectors.UserCode16));
        builder.Add(ArenaSegment(IsUser ? MachineSelectors.ArenaData | 3 : MachineSelectors.ArenaData));
        builder.Add(Segment(MachineSelectors.ConformingCode32, ConformingAccessed) with { Limit = uint.MaxValue, IsGranular = true, IsDefault32 = true });
        builder.Add(Segment(MachineSelectors.ReadOnlyData, ReadOnlyAccessed) with { Limit = RamLimit, IsGranular = true });
        builder.Add(Segment(MachineSelectors.ExpandDownData, ExpandDownAccessed) with { Base = MachineMap.Arena, Limit = 0x1000 });
        builder.Add(Segment(MachineSelectors.MissingData, ReadWriteAccessed) with { Limit = RamLimit, IsGranular = true, IsPresent = false });
        builder.Add(Segment(MachineSelectors.ExecuteOnlyCode, ExecuteOnlyAccessed) with { Limit = uint.MaxValue, IsGranular = true, IsDefault32 = true });
        builder.AddLongSystem(new() { Base = MachineMap.Gdt, Limit = 0x3F, Selector = MachineSelectors.Ldt, Type = 0x2, IsPresent = true });
        builder.Build().CopyTo(gdt);
    }

    private void WriteTss(Span<byte> tss)
    {
        if (IsLong)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(tss[4..], MachineMap.InterruptStackTop);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(tss[4..], (uint)MachineMap.InterruptStackTop);
            BinaryPrimitives.WriteUInt16LittleEndian(tss[8..], MachineSelectors.KernelData);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(tss[0x66..], TssSize);
        tss[(int)TssLength - 1] = 0xFF;
    }

    private void WriteIdt(Span<byte> ram)
    {
        GuestMode mode = Mode == MachineMode.Real16 ? GuestMode.Real : IsLong ? GuestMode.Long : GuestMode.Protected;
        ushort selector = mode switch
        {
            GuestMode.Real => 0,
            GuestMode.Long => MachineSelectors.KernelCode64,
            _ => MachineSelectors.KernelCode32,
        };
        IdtBuilder idt = new(mode);
        for (int vector = 0; vector < 256; vector++)
        {
            // INT3 and INTO are for programs of level 3; so is every third vector above the exceptions.
            bool isForUsers = mode != GuestMode.Real && (vector is 3 or 4 || (vector >= 32 && vector % 3 == 0));
            idt.SetGate((byte)vector, selector, MachineMap.Handlers + (ulong)(vector * MachineMap.HandlerSize), privilegeLevel: isForUsers ? 3 : 0);
        }

        idt.Build().CopyTo(ram[(int)(mode == GuestMode.Real ? 0 : MachineMap.Idt)..]);
    }

    // Accessed and dirty from the start: a host that keeps tables of its own would not see that a case's end cleared the bits.
    private byte[] CreateLongTables()
    {
        const PageFlags writable = PageFlags.Writable | PageFlags.User;
        PageTableBuilder tables = PageTableBuilder.Identity(MachineMap.RamSize, PageFlags.Writable)
            .Map(MachineMap.Code, MachineMap.Code, 2 * MachineMap.PageSize, writable)
            .Unmap(MachineMap.CodeEnd, MachineMap.PageSize)
            .Map(MachineMap.Landing, MachineMap.Landing, MachineMap.PageSize, writable);
        for (int page = 0; page < MachineMap.ArenaPages; page++)
        {
            ulong address = MachineMap.Arena + (ulong)(page * MachineMap.PageSize);
            tables = (ArenaPage)page switch
            {
                ArenaPage.Missing => tables.Unmap(address, MachineMap.PageSize),
                ArenaPage.ReadOnly => tables.Map(address, address, MachineMap.PageSize, PageFlags.User | PageFlags.NoExecute),
                ArenaPage.Supervisor => tables.Map(address, address, MachineMap.PageSize, PageFlags.Writable | PageFlags.NoExecute),
                _ => tables.Map(address, address, MachineMap.PageSize, writable | PageFlags.NoExecute),
            };
        }

        byte[] image = tables.Build(MachineMap.PageTables);
        for (int i = 0; i < image.Length; i += sizeof(ulong))
        {
            ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(i));
            BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(i), (entry & Present) != 0 ? entry | AccessedAndDirty : entry);
        }

        return image;
    }

    private static byte[] Create32BitTables()
    {
        byte[] image = new byte[2 * MachineMap.PageSize];
        const uint all = 0x67; // present, writable, user, accessed, dirty
        BinaryPrimitives.WriteUInt32LittleEndian(image, (uint)(MachineMap.PageTables + MachineMap.PageSize) | all);
        for (uint page = 0; page < MachineMap.RamSize / MachineMap.PageSize; page++)
        {
            uint address = page * MachineMap.PageSize;
            uint rights = address == MachineMap.CodeEnd ? 0 : all;
            if (address is >= (uint)MachineMap.Arena and < (uint)MachineMap.ArenaEnd)
            {
                rights = (ArenaPage)((address - MachineMap.Arena) / MachineMap.PageSize) switch
                {
                    ArenaPage.Missing => 0,
                    ArenaPage.ReadOnly => 0x65U,
                    ArenaPage.Supervisor => 0x63U,
                    _ => all,
                };
            }

            uint entry = rights == 0 ? 0 : address | rights;
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(MachineMap.PageSize + ((int)page * sizeof(uint))), entry);
        }

        return image;
    }

    private static void FillArena(Span<byte> arena)
    {
        RandomSource random = new(0xA7E4A);
        for (int i = 0; i < arena.Length; i += sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(arena[i..], InterestingValues.Memory(ref random));
        }
    }
}
