namespace HvSdk.Devices.Virtio;

/// <summary>What a node of a shared tree is: the type bits of its mode, shifted right by 12.</summary>
public enum NodeKind
{
    /// <summary>Not known. A directory's listing may say so; attributes may not.</summary>
    Unknown = 0,

    /// <summary>A named pipe.</summary>
    Fifo = 1,

    /// <summary>A character device.</summary>
    CharacterDevice = 2,

    /// <summary>A directory.</summary>
    Directory = 4,

    /// <summary>A block device.</summary>
    BlockDevice = 6,

    /// <summary>A regular file.</summary>
    File = 8,

    /// <summary>A symbolic link, which the guest follows within its own name space; the host never does.</summary>
    SymbolicLink = 10,

    /// <summary>A socket.</summary>
    Socket = 12,
}
