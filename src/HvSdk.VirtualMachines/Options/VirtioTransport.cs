namespace HvSdk.VirtualMachines;

/// <summary>How a guest finds and reaches paravirtual devices (virtio 1.2, 4).</summary>
public enum VirtioTransport
{
    /// <summary>Functions of the PCI bus: a message for each queue, found by every guest that knows PCI.</summary>
    Pci,

    /// <summary>Windows of registers with an interrupt line each, found by ACPI or device tree: less to boot, for guests that know of it.</summary>
    Mmio,
}
