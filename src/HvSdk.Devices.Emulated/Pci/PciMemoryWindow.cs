namespace HvSdk.Devices.Emulated;

/// <summary>GPAs that a host bridge passes on to its bus.</summary>
/// <param name="Address">The first.</param>
/// <param name="Size">How many, 1 or more.</param>
public readonly record struct PciMemoryWindow(ulong Address, ulong Size)
{
    /// <summary>Says whether a range lies within.</summary>
    /// <param name="address">Its first GPA.</param>
    /// <param name="size">How many, 1 or more.</param>
    public bool Contains(ulong address, ulong size) => address >= Address && address - Address < Size && size <= Size - (address - Address);
}

/// <summary>Where the interrupt pin of a device leads.</summary>
/// <param name="Device">The device's number on the bus.</param>
/// <param name="Pin">The pin: 0 for INTA#, to 3 for INTD#.</param>
/// <param name="Line">The machine's interrupt line (x64: the GSI), level-triggered.</param>
public readonly record struct PciInterruptRoute(int Device, int Pin, int Line);
