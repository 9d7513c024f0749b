using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>A PCI host bridge with one bus, as the tables describe it: the device PNP0A08 with its resources and interrupts, and the table MCFG.</summary>
public sealed record X64PciHostDescription
{
    /// <summary>GPA of the configuration spaces in memory, 1 MiB of them for the bus (PCI Firmware 3.0, 4.1.2); a multiple of 1 MiB.</summary>
    public required ulong EcamAddress { get; init; }

    /// <summary>The GPAs that the bridge passes on to its bus, in which a guest may place the windows of devices. At least one.</summary>
    public required IReadOnlyList<X64MemoryRange> MemoryWindows { get; init; }

    /// <summary>Where the interrupt pins of the devices lead (ACPI 6.5, 6.2.13).</summary>
    public IReadOnlyList<X64PciInterrupt> Interrupts { get; init; } = [];
}

/// <summary>Where an interrupt pin leads.</summary>
/// <param name="Device">The device's number on the bus, 0 to 31.</param>
/// <param name="Pin">The pin: 0 for INTA#, to 3 for INTD#.</param>
/// <param name="Line">The line (GSI), level-triggered.</param>
public readonly record struct X64PciInterrupt(int Device, int Pin, int Line);
