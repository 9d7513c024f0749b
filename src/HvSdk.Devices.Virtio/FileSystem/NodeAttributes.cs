namespace HvSdk.Devices.Virtio;

/// <summary>What a guest sees of a node without opening it.</summary>
public readonly record struct NodeAttributes
{
    /// <summary>What it is.</summary>
    public required NodeKind Kind { get; init; }

    /// <summary>Permission bits, with set-user-ID, set-group-ID and sticky: 0 to 07777. The guest's kernel checks them.</summary>
    public required uint Permissions { get; init; }

    /// <summary>Bytes of a file's content or of a symbolic link's target.</summary>
    public long Size { get; init; }

    /// <summary>Bytes that it takes up, or null: its size.</summary>
    public long? AllocatedSize { get; init; }

    /// <summary>The inode number, or 0: the server gives one, which changes once the guest has forgotten the node.</summary>
    public ulong Inode { get; init; }

    /// <summary>Names that it has, or null: 1, and 2 for a directory.</summary>
    public uint? LinkCount { get; init; }

    /// <summary>The owner's number in the guest.</summary>
    public uint UserId { get; init; }

    /// <summary>The group's number in the guest.</summary>
    public uint GroupId { get; init; }

    /// <summary>Major and minor number of a device, as Linux packs them.</summary>
    public uint DeviceNumber { get; init; }

    /// <summary>Last read.</summary>
    public DateTimeOffset AccessTime { get; init; }

    /// <summary>Last change of the content.</summary>
    public DateTimeOffset ModifyTime { get; init; }

    /// <summary>Last change of the content or of the attributes.</summary>
    public DateTimeOffset ChangeTime { get; init; }

    /// <summary>A directory that anybody may read: what most read-only providers have.</summary>
    public static NodeAttributes ReadOnlyDirectory => new() { Kind = NodeKind.Directory, Permissions = 0b101_101_101 };

    /// <summary>A file that anybody may read.</summary>
    /// <param name="size">Bytes.</param>
    public static NodeAttributes ReadOnlyFile(long size) => new() { Kind = NodeKind.File, Permissions = 0b100_100_100, Size = size };
}
