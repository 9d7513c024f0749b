namespace HvSdk.VirtualMachines;

/// <summary>The RAM of a machine.</summary>
public sealed class MemoryOptions
{
    /// <summary>
    /// Bytes of RAM, a multiple of 4 KiB and of the host's pages, at least 1 MiB; default 256 MiB. On x64 it starts at 0, and what does not fit below
    /// <see cref="HoleStart"/> goes on at 4 GiB; on arm64 it is one range from 1 GiB on.
    /// </summary>
    public ulong Size { get; set; } = 256UL << 20;

    /// <summary>Where the GPAs for devices below 4 GiB begin (x64); default 3 GiB. A multiple of 2 MiB, 16 MiB to 3.5 GiB.</summary>
    public ulong HoleStart { get; set; } = 3UL << 30;

    /// <summary>Further ranges of RAM, above 4 GiB, which must not overlap: at 1 TiB for one.</summary>
    public IList<MemoryRange> FurtherRanges { get; } = [];

    /// <summary>Where the RAM comes from, for all ranges.</summary>
    public MemoryBacking Backing { get; set; } = MemoryBacking.Anonymous;

    /// <summary>Pages that the host backs it with.</summary>
    public HugePages HugePages { get; set; } = HugePages.None;

    /// <summary>Fetch all pages from the host at the start. Off: they come as the guest touches them.</summary>
    public bool Populate { get; set; }
}

/// <summary>A range of guest memory.</summary>
/// <param name="Address">First GPA, a multiple of 4 KiB.</param>
/// <param name="Size">Size in bytes, a multiple of 4 KiB.</param>
public readonly record struct MemoryRange(ulong Address, ulong Size)
{
    internal ulong End => Address + Size;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Address:X} to 0x{Address + Size - 1:X}";
}
