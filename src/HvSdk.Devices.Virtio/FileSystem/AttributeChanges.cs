namespace HvSdk.Devices.Virtio;

/// <summary>Attributes that a guest wants changed; those that are null stay.</summary>
public readonly record struct AttributeChanges
{
    /// <summary>New permission bits, 0 to 07777.</summary>
    public uint? Permissions { get; init; }

    /// <summary>New owner.</summary>
    public uint? UserId { get; init; }

    /// <summary>New group.</summary>
    public uint? GroupId { get; init; }

    /// <summary>New size: the file is cut, or gets zeros; 0 to 2^63 - 1.</summary>
    public long? Size { get; init; }

    /// <summary>New time of the last read.</summary>
    public DateTimeOffset? AccessTime { get; init; }

    /// <summary>New time of the last change of the content.</summary>
    public DateTimeOffset? ModifyTime { get; init; }
}
