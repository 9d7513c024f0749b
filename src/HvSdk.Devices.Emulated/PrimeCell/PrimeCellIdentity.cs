namespace HvSdk.Devices.Emulated.PrimeCell;

/// <summary>The eight identification registers at the end of each PrimeCell's window, of which each holds a byte (DDI 0183G, 3.3.15 and 3.3.16; DDI 0224C, 3.3.9 and 3.3.10).</summary>
internal static class PrimeCellIdentity
{
    /// <summary>Bytes of a PrimeCell's window.</summary>
    internal const ulong WindowSize = 0x1000;

    private const ulong PeripheralId0 = 0xFE0;
    private const ulong PeripheralId1 = 0xFE4;
    private const ulong PeripheralId2 = 0xFE8;
    private const ulong PeripheralId3 = 0xFEC;
    private const ulong PrimeCellId0 = 0xFF0;
    private const ulong PrimeCellId1 = 0xFF4;
    private const ulong PrimeCellId2 = 0xFF8;
    private const ulong PrimeCellId3 = 0xFFC;

    /// <summary>The designer, Arm: 'A', in two halves.</summary>
    private const uint Designer = 0x41;

    /// <summary>The configuration of all of them.</summary>
    private const uint Configuration = 0x00;

    /// <summary>What an identification register says; 0 for any other offset.</summary>
    /// <param name="offset">The register's offset, a multiple of 4.</param>
    /// <param name="part">The part's number in decimal-coded digits: 0x011 for PL011.</param>
    /// <param name="revision">The part's revision, 0 to 15.</param>
    internal static uint Read(ulong offset, uint part, uint revision) => offset switch
    {
        PeripheralId0 => part & 0xFF,
        PeripheralId1 => (part >> 8) | ((Designer & 0xF) << 4),
        PeripheralId2 => (Designer >> 4) | (revision << 4),
        PeripheralId3 => Configuration,
        PrimeCellId0 => 0x0D,
        PrimeCellId1 => 0xF0,
        PrimeCellId2 => 0x05,
        PrimeCellId3 => 0xB1,
        _ => 0,
    };
}
