namespace HvSdk.Devices;

/// <summary>A clock that a device is fed with, of a frequency that does not change: one entry of its node's clocks and clock-names.</summary>
/// <remarks>clocks names nodes by phandles, which a device cannot know. Who writes the tree adds the nodes ("fixed-clock"), one for each frequency, and refers to them.</remarks>
/// <param name="Name">What the device's binding calls it, such as "apb_pclk".</param>
/// <param name="Frequency">Hertz, 1 or more.</param>
public readonly record struct DeviceTreeClock(string Name, uint Frequency);
