namespace HvSdk.Boot;

/// <summary>Where the configuration spaces of PCI are in memory (PCI Firmware 3.0, 4.1.2).</summary>
internal static class Mcfg
{
    public const byte Revision = 1;

    /// <summary>Bytes of a bus.</summary>
    public const ulong BusSize = 1 << 20;

    /// <summary>Adds the table.</summary>
    /// <returns>Its offset.</returns>
    public static int Add(AcpiTableLayout tables, X64PciHostDescription pci)
    {
        var table = new TableBytes();
        table.Zeros(8);
        table.U64(pci.EcamAddress);
        table.U16(0); // segment group
        table.U8(0); // first bus
        table.U8(0); // last bus
        table.Zeros(4);
        return tables.Add("MCFG", Revision, table.ToArray());
    }
}
