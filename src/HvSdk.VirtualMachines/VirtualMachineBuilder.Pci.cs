using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <content>The PCI bus.</content>
public sealed partial class VirtualMachineBuilder
{
    private const ulong HighWindowSize = 64UL << 30;
    private const ulong HighWindowAlignment = 1UL << 30;
    private const ulong MinLowWindow = 16 << 20;

    private bool HasPci => _board.Pci || _pciDevices.Count > 0;

    /// <summary>
    /// Makes the bridge, with what all others have left of the GPAs: the configuration spaces and the windows in the largest free piece below 4 GiB, and a window
    /// above all else where the host's addresses reach so far.
    /// </summary>
    private PciHostBridge CreatePciBridge(MachinePlan plan, ResetControl? reset)
    {
        (ulong address, ulong size) = plan.FindFreeMmio(PciHostBridge.EcamSize);
        if (size < PciHostBridge.EcamSize + MinLowWindow)
        {
            plan.Problems.Add($"The PCI bus needs 0x{PciHostBridge.EcamSize + MinLowWindow:X} bytes below 4 GiB, and the largest free piece has 0x{size:X}. Give other devices less, or place them above 4 GiB.");
            (address, size) = (0xE000_0000, PciHostBridge.EcamSize + MinLowWindow);
        }

        ulong high = (plan.FindTop() + HighWindowAlignment - 1) & ~(HighWindowAlignment - 1);
        int bits = _hypervisor.Capabilities.GuestPhysicalAddressBits;
        bool reaches = bits >= 64 || (high < 1UL << bits && HighWindowSize <= (1UL << bits) - high);
        var bridge = new PciHostBridge
        {
            EcamAddress = address,
            LowWindow = new PciMemoryWindow(address + PciHostBridge.EcamSize, size - PciHostBridge.EcamSize),
            HighWindow = reaches ? new PciMemoryWindow(high, HighWindowSize) : null,
            ResetPort = reset,
        };
        if (_pciDevices.Count > PciHostBridge.SlotCount)
        {
            plan.Problems.Add($"{_pciDevices.Count} devices were added to the PCI bus, and it has {PciHostBridge.SlotCount} slots. Add fewer.");
        }

        for (int i = 0; i < int.Min(_pciDevices.Count, PciHostBridge.SlotCount); i++)
        {
            bridge.Add(_pciDevices[i].Device, _pciDevices[i].Name);
        }

        return bridge;
    }
}
