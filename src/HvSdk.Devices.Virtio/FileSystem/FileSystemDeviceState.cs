namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="FileSystemDevice"/> keeps, as plain data. The tree is the caller's; nodes are found in it again by their names, and files are opened again.</summary>
public sealed record FileSystemDeviceState : VirtioDeviceState
{
    /// <summary>What the guest calls the tree.</summary>
    public required string Tag { get; init; }

    /// <summary>The guest has it mounted.</summary>
    public bool HasSession { get; init; }

    /// <summary>Nodes that the guest knows.</summary>
    public required IReadOnlyList<FuseNodeState> Nodes { get; init; }

    /// <summary>What the guest has open.</summary>
    public required IReadOnlyList<FuseOpenState> OpenFiles { get; init; }
}

/// <summary>A node that a guest knows.</summary>
public sealed record FuseNodeState
{
    /// <summary>The guest's number for it; 1: the root.</summary>
    public ulong Id { get; init; }

    /// <summary>How often the guest was told of it, and has not forgotten; 1 or more.</summary>
    public ulong Lookups { get; init; }

    /// <summary>The number of the directory that it is in.</summary>
    public ulong Parent { get; init; }

    /// <summary>Its name there; null for the root, and for a node that no name leads to any more: to the guest it is stale (ESTALE) from then on.</summary>
    public IReadOnlyList<byte>? Name { get; init; }
}

/// <summary>Something that a guest has open.</summary>
public sealed record FuseOpenState
{
    /// <summary>The guest's number for it.</summary>
    public ulong Id { get; init; }

    /// <summary>The number of its node.</summary>
    public ulong Node { get; init; }

    /// <summary>It is a directory.</summary>
    public bool IsDirectory { get; init; }

    /// <summary>What a file is open for.</summary>
    public OpenModes Modes { get; init; }
}
