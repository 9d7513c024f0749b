namespace HvSdk.Boot;

/// <summary>What an image is told of the machine that it boots on.</summary>
public sealed record BootMachine
{
    /// <summary>The memory map, by address, without overlaps. It says where an image may be put, and becomes the guest's E820 map (x64).</summary>
    public required IReadOnlyList<MemoryMapEntry> MemoryMap { get; init; }

    /// <summary>GPA of the ACPI root pointer (RSDP), or null: no ACPI.</summary>
    public ulong? AcpiRootPointer { get; init; }

    /// <summary>
    /// What tells an arm64 guest of its machine (<see cref="Arm64DeviceTree"/>), or null: a machine of another architecture. An image adds its command line and initial
    /// RAM disk to a copy of it, and puts that into guest memory.
    /// </summary>
    public DeviceTree? DeviceTree { get; init; }
}

/// <summary>A range of the memory map.</summary>
/// <param name="Address">First GPA.</param>
/// <param name="Size">Size in bytes.</param>
/// <param name="Kind">What it is.</param>
public readonly record struct MemoryMapEntry(ulong Address, ulong Size, MemoryMapKind Kind);

/// <summary>What a range of the memory map is; the values are those of ACPI 6.5, table 15.4.</summary>
public enum MemoryMapKind
{
    /// <summary>RAM that the guest may use.</summary>
    Usable = 1,

    /// <summary>Not for use.</summary>
    Reserved = 2,

    /// <summary>ACPI tables, which the guest may use once it has read them.</summary>
    AcpiReclaimable = 3,

    /// <summary>ACPI memory that stays.</summary>
    AcpiNonVolatile = 4,
}
