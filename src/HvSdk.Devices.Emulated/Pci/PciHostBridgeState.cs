namespace HvSdk.Devices.Emulated;

/// <summary>State of a <see cref="PciHostBridge"/>, as plain data.</summary>
public sealed record PciHostBridgeState
{
    /// <summary>The address port, 0xCF8.</summary>
    public uint ConfigurationAddress { get; init; }

    /// <summary>The bridge itself and its devices, by their numbers.</summary>
    public required IReadOnlyList<PciFunctionState> Functions { get; init; }
}

/// <summary>State of a function on the bus, without that of the device behind it.</summary>
public sealed record PciFunctionState
{
    /// <summary>The configuration space, 256 bytes. Of it the bits that a guest may change count.</summary>
    public required IReadOnlyList<byte> Configuration { get; init; }

    /// <summary>The table of MSI-X, 16 bytes for each vector; empty where there is none.</summary>
    public IReadOnlyList<byte> MessageTable { get; init; } = [];

    /// <summary>The pending bits of MSI-X, 64 vectors to a number; empty where there is none.</summary>
    public IReadOnlyList<ulong> PendingMessages { get; init; } = [];
}
