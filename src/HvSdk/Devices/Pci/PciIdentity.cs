namespace HvSdk.Devices;

/// <summary>What a PCI device is, as the header of its configuration space says (PCI 3.0, 6.2.1 and 6.2.4). A guest chooses its driver by it.</summary>
public sealed record PciIdentity
{
    /// <summary>Vendor ID, given out by the PCI-SIG; not 0xFFFF, which says that nothing is there.</summary>
    public required ushort VendorId { get; init; }

    /// <summary>Device ID, the vendor's own.</summary>
    public required ushort DeviceId { get; init; }

    /// <summary>Class code, 24 bits: base class, subclass, programming interface (PCI 3.0, appendix D).</summary>
    public required uint ClassCode { get; init; }

    /// <summary>Revision ID, the vendor's own.</summary>
    public byte Revision { get; init; }

    /// <summary>Subsystem vendor ID, or 0: none.</summary>
    public ushort SubsystemVendorId { get; init; }

    /// <summary>Subsystem ID.</summary>
    public ushort SubsystemId { get; init; }
}
