namespace HvSdk.Devices.Virtio.Linux;

/// <summary>Choices for a <see cref="HostDirectory"/>. The defaults are those for a guest that is not trusted.</summary>
public sealed record HostDirectoryOptions
{
    /// <summary>Guests may change the directory and all below. By default they may look alone.</summary>
    public bool IsWritable { get; init; }

    /// <summary>The owner that all nodes have for the guest, or null: the owners' numbers on the host.</summary>
    /// <remarks>On the host all that a guest makes belongs to the user of this process, and a guest cannot change owners: an attempt is EPERM, unless the owner is the one that the node has already.</remarks>
    public uint? UserId { get; init; }

    /// <summary>The group that all nodes have for the guest, or null: the groups' numbers on the host.</summary>
    public uint? GroupId { get; init; }

    /// <summary>
    /// Set-user-ID and set-group-ID bits pass both ways. By default a guest does not see them and cannot set them, and a file that is opened for writing loses
    /// them: what a guest writes never runs on the host with rights that its writer has not.
    /// </summary>
    public bool AllowsSetIdBits { get; init; }

    /// <summary>Guests may make symbolic links; true by default. HvSdk never follows one, but a program of the host may that reads what a guest has left.</summary>
    public bool AllowsNewSymbolicLinks { get; init; } = true;

    /// <summary>Guests may make named pipes and sockets, at which programs of the host may wait for ever. Devices they can never make.</summary>
    public bool AllowsPipesAndSockets { get; init; }

    /// <summary>What is mounted below the directory is shown too. By default it is EXDEV to the guest.</summary>
    public bool AllowsMounts { get; init; }

    /// <summary>
    /// Descriptors of this process that a guest can take up, 1 or more: one for each node that it knows, and one for each file that it has open. Above it the guest gets
    /// ENFILE. Null: half of what the process may have open (RLIMIT_NOFILE), at most 131072.
    /// </summary>
    public int? MaxHandles { get; init; }

    /// <summary>Bytes that a file can have, 0 or more; above it the guest gets EFBIG. Null: what the file system and the process (RLIMIT_FSIZE) allow.</summary>
    public long? MaxFileSize { get; init; }

    /// <summary>
    /// Bytes that guests can write in all, as long as the object lives, 0 or more; then they get ENOSPC. Each name that they make counts as 4096. What they delete does not
    /// come back, so this bounds what they take of the disk. Null: they can fill it.
    /// </summary>
    public long? MaxWrittenBytes { get; init; }

    internal void Validate()
    {
        Check(MaxHandles is null or >= 1, nameof(MaxHandles), MaxHandles, "Give 1 or more, or null.");
        Check(MaxFileSize is null or >= 0, nameof(MaxFileSize), MaxFileSize, "Give 0 or more, or null.");
        Check(MaxWrittenBytes is null or >= 0, nameof(MaxWrittenBytes), MaxWrittenBytes, "Give 0 or more, or null.");
    }

    private static void Check<T>(bool isValid, string name, T value, string remedy)
    {
        if (!isValid)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{nameof(HostDirectoryOptions)}.{name} cannot be {value}. {remedy}");
        }
    }
}
