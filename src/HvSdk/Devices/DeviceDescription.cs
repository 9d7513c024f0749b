namespace HvSdk.Devices;

/// <summary>A device as the tables of a machine describe it: what it asked for and how it presents itself.</summary>
public sealed record DeviceDescription
{
    /// <summary>The device's name in the machine.</summary>
    public required string Name { get; init; }

    /// <summary>Its windows, in the order in which it asked for them.</summary>
    public IReadOnlyList<DeviceWindow> Windows { get; init; } = [];

    /// <summary>Its interrupt lines, in the order in which it asked for them.</summary>
    public IReadOnlyList<DeviceLine> Lines { get; init; } = [];

    /// <summary>The general-purpose event by which it notifies the guest, or null (ACPI 6.5, 5.6.4).</summary>
    public int? NotificationEvent { get; init; }

    /// <summary>For ACPI, or null.</summary>
    public AcpiIdentity? Acpi { get; init; }

    /// <summary>For the device tree, or null.</summary>
    public DeviceTreeIdentity? DeviceTree { get; init; }
}

/// <summary>A window of a device.</summary>
/// <param name="Space">Which bus.</param>
/// <param name="Address">The first port or GPA.</param>
/// <param name="Size">Size in bytes.</param>
public readonly record struct DeviceWindow(BusSpace Space, ulong Address, ulong Size);

/// <summary>An interrupt line of a device.</summary>
/// <param name="Number">The line (x64: the GSI).</param>
/// <param name="Sense">How the device signals.</param>
public readonly record struct DeviceLine(int Number, InterruptSense Sense);
