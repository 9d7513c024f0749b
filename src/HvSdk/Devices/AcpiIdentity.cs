namespace HvSdk.Devices;

/// <summary>How a device presents itself to a guest that uses ACPI. Its resources follow from what it asked its slot for.</summary>
public sealed record AcpiIdentity
{
    /// <summary>_HID: a PNP ID ("PNP0501") or an ACPI ID ("QEMU0001") (ACPI 6.5, 6.1.5).</summary>
    public required string HardwareId { get; init; }

    /// <summary>_CID: IDs of what the device is compatible with (ACPI 6.5, 6.1.2).</summary>
    public IReadOnlyList<string> CompatibleIds { get; init; } = [];

    /// <summary>The name within the namespace: four characters of A to Z, 0 to 9 and _, the first not a digit. Null: the table writer gives one.</summary>
    public string? Name { get; init; }

    /// <summary>_UID: tells devices with the same ID apart (ACPI 6.5, 6.1.12). Null: the table writer gives one where it is needed.</summary>
    public int? UniqueId { get; init; }

    /// <summary>Further named objects of the device: the name, four characters, and its value.</summary>
    public IReadOnlyList<KeyValuePair<string, AcpiValue>> Objects { get; init; } = [];
}
