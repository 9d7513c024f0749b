namespace HvSdk;

/// <summary>How a <see cref="MemoryRegion"/> is made.</summary>
public sealed record MemoryRegionOptions
{
    /// <summary>Where the RAM comes from.</summary>
    public MemoryBacking Backing { get; init; } = MemoryBacking.Anonymous;

    /// <summary>What the guest may do with it.</summary>
    public MemoryAccess Access { get; init; } = MemoryAccess.ReadWrite;

    /// <summary>Pages that the host backs it with.</summary>
    public HugePages HugePages { get; init; } = HugePages.None;

    /// <summary>Fetch all pages from the host now, so that the guest's first touch of each costs nothing. Off: pages come as they are touched.</summary>
    public bool Populate { get; init; }

    /// <summary>Track from the start which pages are written (<see cref="MemoryRegion.CollectDirtyPages"/>).</summary>
    public bool TrackDirtyPages { get; init; }

    /// <summary>A name for people, in errors and logs.</summary>
    public string Name { get; init; } = "RAM";
}
