using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>A node of a <see cref="HostDirectory"/>, held by a descriptor that neither reads nor writes (O_PATH).</summary>
internal sealed partial class HostNode : SharedNode
{
    private const int KindShift = 12; // of S_IFMT
    private const int BytesPerBlock = 512; // of stx_blocks

    private readonly HostTree _tree;
    private readonly SafeFd _fd;

    public HostNode(HostTree tree, SafeFd fd, in statx status)
    {
        _tree = tree;
        _fd = fd;
        Identity = NodeIdentity.Of(status);
        Kind = KindOf(status);
    }

    public NodeIdentity Identity { get; }

    /// <summary>What it is, and stays.</summary>
    public NodeKind Kind { get; }

    /// <summary>Its descriptor, for the tree.</summary>
    internal SafeFd Descriptor => _fd;

    public override FileError GetAttributes(out NodeAttributes attributes)
    {
        attributes = default;
        FileError error = Check(isWrite: false);
        if (error != FileError.None || (error = FileCalls.Status(_fd, out statx status)) != FileError.None)
        {
            return error;
        }

        attributes = new NodeAttributes
        {
            Kind = Kind,
            Permissions = _tree.Permissions(status.stx_mode),
            Size = (long)ulong.Min(status.stx_size, long.MaxValue),
            AllocatedSize = (long)ulong.Min(status.stx_blocks, long.MaxValue / BytesPerBlock) * BytesPerBlock,

            // Numbers of two file systems can be the same; the server makes up others.
            Inode = Identity.IsOnSameDevice(_tree.Root.Identity) ? status.stx_ino : 0,
            LinkCount = status.stx_nlink,
            UserId = _tree.Options.UserId ?? status.stx_uid,
            GroupId = _tree.Options.GroupId ?? status.stx_gid,
            DeviceNumber = PackDevice(status.stx_rdev_major, status.stx_rdev_minor),
            AccessTime = HostTime.From(status.stx_atime),
            ModifyTime = HostTime.From(status.stx_mtime),
            ChangeTime = HostTime.From(status.stx_ctime),
        };
        return FileError.None;
    }

    public override FileError SetAttributes(in AttributeChanges changes, OpenFile? file)
    {
        FileError error = Check(isWrite: true);
        if (error == FileError.None && (changes.UserId is not null || changes.GroupId is not null))
        {
            error = CheckOwner(changes);
        }

        if (error == FileError.None && changes.Size is { } size)
        {
            error = Resize(size, file as HostFile);
        }

        if (error == FileError.None && changes.Permissions is { } permissions)
        {
            error = Kind == NodeKind.SymbolicLink ? FileError.EOPNOTSUPP : FileCalls.ChangeMode(_tree.Descriptors, _fd, _tree.Permissions(permissions));
        }

        if (error == FileError.None && (changes.AccessTime is not null || changes.ModifyTime is not null))
        {
            error = FileCalls.SetTimes(_fd, [HostTime.To(changes.AccessTime), HostTime.To(changes.ModifyTime)]);
        }

        return error;
    }

    public override FileError ReadLink(Span<byte> destination, out int length)
    {
        length = 0;
        FileError error = Check(isWrite: false);
        return error != FileError.None ? error : Kind == NodeKind.SymbolicLink ? FileCalls.ReadLink(_fd, destination, out length) : FileError.EINVAL;
    }

    public override FileError GetStatistics(out TreeStatistics statistics)
    {
        statistics = default;
        FileError error = Check(isWrite: false);
        if (error != FileError.None || (error = FileCalls.Statistics(_fd, out statfs host)) != FileError.None)
        {
            return error;
        }

        long blockSize = host.f_frsize > 0 ? host.f_frsize : host.f_bsize;
        statistics = new TreeStatistics((uint)long.Clamp(blockSize, 1, int.MaxValue), host.f_blocks, host.f_bavail, host.f_files, host.f_ffree);
        return FileError.None;
    }

    public override FileError Sync(bool isWholeTree)
    {
        FileError error = Check(isWrite: false);

        // A guest that cannot write has nothing to wait for.
        return error != FileError.None || _tree.IsReadOnly ? error : FileCalls.Sync(_fd, isWholeTree);
    }

    public override void Forget()
    {
        // The root is held until the end: a guest that mounts again finds it again.
        if (!ReferenceEquals(this, _tree.Root) && !_fd.IsClosed)
        {
            _tree.Remove(this);
            Close();
        }
    }

    public void Close() => _fd.Dispose();

    private static NodeKind KindOf(in statx status) => (NodeKind)(status.stx_mode >> KindShift);

    /// <summary>The form that struct fuse_attr has: that of the kernel's new_encode_dev.</summary>
    private static uint PackDevice(uint major, uint minor) => (minor & 0xFF) | (major << 8) | ((minor & ~0xFFU) << 12);

    /// <summary>Whether the node is there still, and may be changed.</summary>
    private FileError Check(bool isWrite) => _fd.IsClosed ? FileError.ESTALE : isWrite && _tree.IsReadOnly ? FileError.EROFS : FileError.None;

    private FileError CheckOwner(in AttributeChanges changes)
    {
        FileError error = GetAttributes(out NodeAttributes attributes);
        return error != FileError.None ? error
            : (changes.UserId ?? attributes.UserId) == attributes.UserId && (changes.GroupId ?? attributes.GroupId) == attributes.GroupId ? FileError.None
            : FileError.EPERM;
    }
}
