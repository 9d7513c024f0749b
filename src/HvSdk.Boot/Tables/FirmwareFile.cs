namespace HvSdk.Boot;

/// <summary>A file for the firmware, by the name under which it looks for it in the firmware configuration device (fw_cfg).</summary>
/// <param name="Name">The name, such as "etc/acpi/tables".</param>
/// <param name="Content">What is in it.</param>
public readonly record struct FirmwareFile(string Name, ReadOnlyMemory<byte> Content);
