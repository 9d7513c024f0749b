namespace HvSdk.Boot;

/// <summary>What a machine calls itself in SMBIOS. Texts are of ASCII characters that can be seen, and of spaces; an empty one is left out.</summary>
public sealed record SmbiosIdentity
{
    /// <summary>Who made the machine, its board and its chassis.</summary>
    public string Manufacturer { get; init; } = "HvSdk";

    /// <summary>The product.</summary>
    public string Product { get; init; } = "HvSdk virtual machine";

    /// <summary>The product's version.</summary>
    public string Version { get; init; } = "";

    /// <summary>The serial number.</summary>
    public string SerialNumber { get; init; } = "";

    /// <summary>The machine's UUID. All zeros: it has none.</summary>
    public Guid Uuid { get; init; }

    /// <summary>The stock-keeping number.</summary>
    public string StockKeepingNumber { get; init; } = "";

    /// <summary>The product's family.</summary>
    public string Family { get; init; } = "";

    /// <summary>The chassis' asset tag.</summary>
    public string AssetTag { get; init; } = "";

    /// <summary>Who made the firmware.</summary>
    public string FirmwareVendor { get; init; } = "HvSdk";

    /// <summary>The firmware's version.</summary>
    public string FirmwareVersion { get; init; } = "";

    /// <summary>The firmware's date, which some guests take for the machine's age.</summary>
    public DateOnly FirmwareDate { get; init; } = new(2026, 1, 1);

    /// <summary>Who made the processors.</summary>
    public string ProcessorManufacturer { get; init; } = "";

    /// <summary>The processors' name.</summary>
    public string ProcessorVersion { get; init; } = "";
}
