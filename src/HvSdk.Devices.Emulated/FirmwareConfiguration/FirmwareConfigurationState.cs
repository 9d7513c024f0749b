namespace HvSdk.Devices.Emulated;

/// <summary>The state of a <see cref="FirmwareConfiguration"/>: what the guest has changed, not the items that its machine is made of.</summary>
public sealed record FirmwareConfigurationState
{
    /// <summary>The key that is selected.</summary>
    public ushort Selected { get; init; }

    /// <summary>The next byte of the item.</summary>
    public int Offset { get; init; }

    /// <summary>The upper half of the DMA address.</summary>
    public uint DmaAddressHigh { get; init; }

    /// <summary>The writable items: names and contents.</summary>
    public IReadOnlyDictionary<string, byte[]> Written { get; init; } = new Dictionary<string, byte[]>();
}
