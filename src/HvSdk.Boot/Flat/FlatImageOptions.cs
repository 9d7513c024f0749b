namespace HvSdk.Boot;

/// <summary>Where a flat image goes and how it starts.</summary>
public sealed record FlatImageOptions
{
    /// <summary>The mode in which it is entered.</summary>
    public required FlatImageMode Mode { get; init; }

    /// <summary>The GPA of its first byte.</summary>
    public required ulong LoadAddress { get; init; }

    /// <summary>The GPA of its first instruction; null: that of its first byte.</summary>
    public ulong? EntryPoint { get; init; }
}
