namespace HvSdk.Boot;

/// <summary>The processors and interrupt controllers of a platform (ACPI 6.5, 5.2.12).</summary>
internal static class Madt
{
    public const byte Revision = 6;
    public const uint LocalApicAddress = 0xFEE0_0000;

    // IDs from here on do not fit the entry for local APICs; 255 itself means all processors there.
    private const uint FirstWideId = 255;

    /// <summary>Adds the table.</summary>
    /// <returns>Its offset.</returns>
    public static int Add(AcpiTableLayout tables, X64Platform platform)
    {
        var table = new TableBytes();
        table.U32(LocalApicAddress);
        table.U32(platform.HasPicPair ? 1u : 0); // PCAT_COMPAT

        foreach (uint id in platform.ApicIds)
        {
            AddProcessor(table, id);
        }

        if (platform.IoApic is { } ioApic)
        {
            table.U8(1); // I/O APIC (5.2.12.3)
            table.U8(12);
            table.U8(ioApic.Id);
            table.U8(0);
            table.U32(ioApic.Address);
            table.U32(ioApic.FirstLine);
        }

        foreach (X64InterruptOverride entry in InterruptMap.Overrides(platform))
        {
            table.U8(2); // interrupt source override (5.2.12.5)
            table.U8(10);
            table.U8(0); // ISA
            table.U8(entry.IsaInterrupt);
            table.U32((uint)entry.Line);
            table.U16(InterruptMap.Flags(entry.Sense));
        }

        AddNmi(table, platform);
        return tables.Add("APIC", Revision, table.ToArray());
    }

    // The UID of a processor, here and in the DSDT, is its APIC ID: it fits wherever the ID itself does.
    private static void AddProcessor(TableBytes table, uint id)
    {
        if (id < FirstWideId)
        {
            table.U8(0); // processor local APIC (5.2.12.2)
            table.U8(8);
            table.U8((byte)id);
            table.U8((byte)id);
            table.U32(1); // enabled
            return;
        }

        table.U8(9); // processor local x2APIC (5.2.12.12)
        table.U8(16);
        table.U16(0);
        table.U32(id);
        table.U32(1);
        table.U32(id);
    }

    // LINT1 of every processor is its NMI, as on every PC.
    private static void AddNmi(TableBytes table, X64Platform platform)
    {
        if (platform.ApicIds.Any(static id => id < FirstWideId))
        {
            table.U8(4); // local APIC NMI (5.2.12.7)
            table.U8(6);
            table.U8(byte.MaxValue);
            table.U16(0);
            table.U8(1);
        }

        if (platform.ApicIds.Any(static id => id >= FirstWideId))
        {
            table.U8(10); // local x2APIC NMI (5.2.12.13)
            table.U8(12);
            table.U16(0);
            table.U32(uint.MaxValue);
            table.U8(1);
            table.Zeros(3);
        }
    }
}
