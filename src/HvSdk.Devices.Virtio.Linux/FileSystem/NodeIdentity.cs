using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>What tells a node from all others of the host, as long as it is held.</summary>
/// <param name="Major">The major number of its file system's device.</param>
/// <param name="Minor">The minor number.</param>
/// <param name="Inode">Its number there.</param>
internal readonly record struct NodeIdentity(uint Major, uint Minor, ulong Inode)
{
    public static NodeIdentity Of(in statx status) => new(status.stx_dev_major, status.stx_dev_minor, status.stx_ino);

    public bool IsOnSameDevice(NodeIdentity other) => Major == other.Major && Minor == other.Minor;
}
