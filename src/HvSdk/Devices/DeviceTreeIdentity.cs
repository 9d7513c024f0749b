namespace HvSdk.Devices;

/// <summary>How a device presents itself to a guest that uses a device tree. reg and interrupts follow from what it asked its slot for.</summary>
public sealed record DeviceTreeIdentity
{
    /// <summary>compatible: what the device is, most specific first (Devicetree Specification 0.4, 2.3.1). At least one.</summary>
    public required IReadOnlyList<string> Compatible { get; init; }

    /// <summary>The node's name without its address, such as "serial" (Devicetree Specification 0.4, 2.2.2).</summary>
    public required string NodeName { get; init; }

    /// <summary>Further properties: the name and its value.</summary>
    public IReadOnlyList<KeyValuePair<string, DeviceTreeValue>> Properties { get; init; } = [];

    /// <summary>The clocks that the device's binding asks for, in its order; clocks and clock-names follow from them. Most devices need none.</summary>
    public IReadOnlyList<DeviceTreeClock> Clocks { get; init; } = [];
}
