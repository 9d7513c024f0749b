using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <summary>The devices of the board itself that the tables and the machine know of.</summary>
/// <param name="Power">The ACPI power management block, or null.</param>
/// <param name="Reset">The reset control, or null.</param>
/// <param name="Pci">The PCI host bridge, or null.</param>
/// <param name="Firmware">What a firmware is told, or null: no firmware.</param>
internal sealed record BoardDevices(PowerManagement? Power, ResetControl? Reset, PciHostBridge? Pci, FirmwareDescription? Firmware);
