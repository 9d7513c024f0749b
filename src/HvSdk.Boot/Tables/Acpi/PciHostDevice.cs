using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>The devices of the namespace that tell of a PCI host bridge: itself, and who keeps its configuration spaces from other use.</summary>
internal static class PciHostDevice
{
    /// <summary>The bridge's name, by which PCs have it.</summary>
    public const string Name = "PCI0";

    /// <summary>The name of what reserves the configuration spaces.</summary>
    public const string ReservationName = "ECAM";

    private const ushort ConfigurationPort = 0xCF8;
    private const int ConfigurationPortCount = 8;

    // The address of all functions of a device (ACPI 6.5, table 6.2).
    private const uint AllFunctions = 0xFFFF;

    /// <summary>Adds both to the scope of the system bus.</summary>
    public static void Add(AmlWriter scope, X64PciHostDescription pci)
    {
        scope.Device(Name, device =>
        {
            device.Name("_HID", static value => value.DWord(AmlNames.EisaId("PNP0A08"))); // PCI Express
            device.Name("_CID", static value => value.DWord(AmlNames.EisaId("PNP0A03"))); // PCI
            device.Name("_UID", static value => value.Integer(0));
            device.Name("_SEG", static value => value.Integer(0));
            device.Name("_BBN", static value => value.Integer(0));
            device.Name("_CRS", value => value.Buffer(Resources(pci)));
            if (pci.Interrupts.Count > 0)
            {
                device.Name("_PRT", value => AddRoutes(value, pci.Interrupts));
            }
        });
        scope.Device(ReservationName, device =>
        {
            // A resource of the motherboard, as the configuration spaces must be (PCI Firmware 3.0, 4.1.2).
            device.Name("_HID", static value => value.DWord(AmlNames.EisaId("PNP0C02")));
            device.Name("_UID", static value => value.Text(ReservationName));
            device.Name("_CRS", value => value.Buffer(AmlResources.Of(Reservation(pci))));
        });
    }

    private static DeviceDescription Reservation(X64PciHostDescription pci) => new()
    {
        Name = ReservationName,
        Windows = [new DeviceWindow(BusSpace.Mmio, pci.EcamAddress, Mcfg.BusSize)],
    };

    // What the bridge takes for itself are its ports; the rest it hands on to its bus.
    private static byte[] Resources(X64PciHostDescription pci)
    {
        var bytes = new TableBytes();
        AmlResources.AddBus(bytes, 0);
        AmlResources.Add(bytes, new DeviceWindow(BusSpace.Ports, ConfigurationPort, ConfigurationPortCount));
        foreach (X64MemoryRange window in pci.MemoryWindows)
        {
            AmlResources.AddProduced(bytes, window.Address, window.Size);
        }

        AmlResources.End(bytes);
        return bytes.ToArray();
    }

    // A package for each pin: address, pin, no link device, line (6.2.13). The line is level-triggered.
    private static void AddRoutes(AmlWriter value, IReadOnlyList<X64PciInterrupt> interrupts) => value.Package(interrupts.Count, routes =>
    {
        foreach (X64PciInterrupt interrupt in interrupts)
        {
            routes.Package(4, route =>
            {
                route.Integer(((ulong)interrupt.Device << 16) | AllFunctions);
                route.Integer((ulong)interrupt.Pin);
                route.Integer(0);
                route.Integer((ulong)interrupt.Line);
            });
        }
    });
}
