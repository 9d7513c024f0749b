namespace HvSdk.Devices;

/// <summary>The make of a base address register of memory space (PCI 3.0, 6.2.5.1).</summary>
[Flags]
public enum PciBarOptions
{
    /// <summary>32 bits, and reads may have effects.</summary>
    None = 0,

    /// <summary>64 bits: the window may lie anywhere. It takes two registers.</summary>
    Wide = 1,

    /// <summary>Prefetchable: reads have no effects, and writes may be merged.</summary>
    Prefetchable = 2,
}
