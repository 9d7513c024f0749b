namespace HvSdk.Devices.Emulated;

/// <summary>Registers and bits of a configuration space with a header of type 0 (PCI 3.0, 6.1 and 6.2).</summary>
internal static class PciHeader
{
    /// <summary>Bytes of a function's configuration space: one without PCI Express has no more (PCI Express 3.0, 7.2).</summary>
    public const int Size = 256;

    public const int VendorId = 0x00;
    public const int DeviceId = 0x02;
    public const int Command = 0x04;
    public const int Status = 0x06;
    public const int Revision = 0x08;
    public const int ClassCode = 0x09;
    public const int CacheLineSize = 0x0C;
    public const int BaseAddresses = 0x10;
    public const int BaseAddressCount = 6;
    public const int SubsystemVendorId = 0x2C;
    public const int SubsystemId = 0x2E;
    public const int CapabilitiesPointer = 0x34;
    public const int InterruptLine = 0x3C;
    public const int InterruptPin = 0x3D;

    /// <summary>Where the header ends and capabilities begin.</summary>
    public const int HeaderEnd = 0x40;

    // Command (6.2.2). There is no I/O space to enable.
    public const ushort MemorySpace = 1 << 1;
    public const ushort BusMaster = 1 << 2;
    public const ushort ParityErrorResponse = 1 << 6;
    public const ushort SystemError = 1 << 8;
    public const ushort InterruptDisable = 1 << 10;
    public const ushort WritableCommand = MemorySpace | BusMaster | ParityErrorResponse | SystemError | InterruptDisable;

    // Status (6.2.3): of its error bits, which a one would clear, none is ever set.
    public const byte InterruptStatus = 1 << 3;
    public const byte CapabilitiesList = 1 << 4;

    // Base address registers of memory (6.2.5.1).
    public const uint Memory64 = 0b10 << 1;
    public const uint MemoryPrefetchable = 1 << 3;

    /// <summary>INTA# in the interrupt pin register (6.2.4).</summary>
    public const byte PinA = 1;

    /// <summary>The capability of MSI-X (appendix H).</summary>
    public const byte MsiXId = 0x11;
}
