namespace HvSdk.Devices.Virtio;

/// <summary>Choices for a <see cref="MemoryTree"/>.</summary>
public sealed record MemoryTreeOptions
{
    /// <summary>Bytes of content that the tree can hold, counted in blocks: 0 to 2^44. Holes in files count as if they were filled.</summary>
    public long MaxBytes { get; init; } = 256L << 20;

    /// <summary>Names that the tree can hold, beside the root: 0 or more.</summary>
    public int MaxNames { get; init; } = 1 << 16;

    /// <summary>Guests may look, and not touch. The host may write still.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Where the times of files come from.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(TimeProvider);
        if (MaxBytes is < 0 or > 1L << 44)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxBytes), MaxBytes, $"{nameof(MemoryTreeOptions)}.{nameof(MaxBytes)} cannot be {MaxBytes}. Give 0 to 2^44.");
        }

        if (MaxNames < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxNames), MaxNames, $"{nameof(MemoryTreeOptions)}.{nameof(MaxNames)} cannot be {MaxNames}. Give 0 or more.");
        }
    }
}
