namespace HvSdk.Devices.Virtio;

/// <summary>A node of a <see cref="MemoryTree"/>. All of it is under the tree's lock.</summary>
internal sealed partial class MemoryNode : SharedNode
{
    private uint _permissions;
    private uint _userId;
    private uint _groupId;
    private DateTimeOffset _accessTime;
    private DateTimeOffset _modifyTime;
    private DateTimeOffset _changeTime;

    public MemoryNode(MemoryTree tree, in NewNode created, ulong inode)
    {
        Tree = tree;
        Kind = created.Kind;
        Inode = inode;
        _permissions = created.Permissions;
        _userId = created.UserId;
        _groupId = created.GroupId;
        _accessTime = _modifyTime = _changeTime = tree.Now;
        Directory = created.Kind == NodeKind.Directory ? new MemoryDirectory() : null;
    }

    public MemoryTree Tree { get; }

    public NodeKind Kind { get; }

    public ulong Inode { get; }

    /// <summary>The entries of a directory; null for all else.</summary>
    public MemoryDirectory? Directory { get; }

    /// <summary>The directory that this directory is in; null for the root, and for what is no directory.</summary>
    public MemoryNode? Parent { get; set; }

    /// <summary>Names that lead here. Those of a directory are one, or none: it is removed.</summary>
    public int Names { get; set; }

    /// <summary>A file's content.</summary>
    public MemoryBlocks Content { get; } = new();

    /// <summary>A symbolic link's target.</summary>
    public byte[] Target { get; set; } = [];

    private int OpenCount { get; set; }

    public override FileError GetAttributes(out NodeAttributes attributes)
    {
        lock (Tree.Gate)
        {
            attributes = new NodeAttributes
            {
                Kind = Kind,
                Permissions = _permissions,
                Size = Kind == NodeKind.SymbolicLink ? Target.Length : Content.Size,
                Inode = Inode,
                LinkCount = Directory is not null && Names > 0 ? 2 : (uint)Names,
                UserId = _userId,
                GroupId = _groupId,
                AccessTime = _accessTime,
                ModifyTime = _modifyTime,
                ChangeTime = _changeTime,
            };
            return FileError.None;
        }
    }

    public override FileError SetAttributes(in AttributeChanges changes, OpenFile? file)
    {
        lock (Tree.Gate)
        {
            if (Tree.IsReadOnly)
            {
                return FileError.EROFS;
            }

            if (changes.Size is { } size)
            {
                FileError error = Kind == NodeKind.File ? Resize(size) : FileError.EINVAL;
                if (error != FileError.None)
                {
                    return error;
                }
            }

            _permissions = changes.Permissions ?? _permissions;
            _userId = changes.UserId ?? _userId;
            _groupId = changes.GroupId ?? _groupId;
            _accessTime = changes.AccessTime ?? _accessTime;
            _modifyTime = changes.ModifyTime ?? _modifyTime;
            _changeTime = Tree.Now;
            return FileError.None;
        }
    }

    public override FileError ReadLink(Span<byte> destination, out int length)
    {
        length = Target.Length; // set before anybody sees the node
        Target.CopyTo(destination);
        return Kind == NodeKind.SymbolicLink ? FileError.None : FileError.EINVAL;
    }

    public override FileError Open(OpenModes modes, out OpenFile? file)
    {
        file = null;
        lock (Tree.Gate)
        {
            if (Kind != NodeKind.File)
            {
                return Directory is not null ? FileError.EISDIR : FileError.ENXIO;
            }

            if (Tree.IsReadOnly && (modes & (OpenModes.Write | OpenModes.Truncate)) != 0)
            {
                return FileError.EROFS;
            }

            if (modes.HasFlag(OpenModes.Truncate))
            {
                FileError error = Resize(0);
                if (error != FileError.None)
                {
                    return error;
                }
            }

            OpenCount++;
            file = new MemoryFile(this, modes);
            return FileError.None;
        }
    }

    public override FileError GetStatistics(out TreeStatistics statistics)
    {
        statistics = Tree.Statistics;
        return FileError.None;
    }

    /// <summary>One name less; without any, and nobody who has it open, the content goes.</summary>
    public void RemoveName()
    {
        Names--;
        Parent = null;
        _changeTime = Tree.Now;
        DropIfUnused();
    }

    public void Closed()
    {
        lock (Tree.Gate)
        {
            OpenCount--;
            DropIfUnused();
        }
    }

    /// <summary>Cuts or grows, as far as the budget allows.</summary>
    public FileError Resize(long size)
    {
        if (Names == 0 && OpenCount == 0)
        {
            return FileError.ESTALE; // its content has gone, and nobody could give it back
        }

        if (size > Tree.MaxBytes)
        {
            return FileError.EFBIG;
        }

        if (!Tree.TryPay(MemoryBlocks.Cost(size) - MemoryBlocks.Cost(Content.Size)))
        {
            return FileError.ENOSPC;
        }

        Content.Resize(size);
        Touch();
        return FileError.None;
    }

    /// <summary>The content, or the entries, have changed.</summary>
    public void Touch() => _modifyTime = _changeTime = Tree.Now;

    private void DropIfUnused()
    {
        if (Names == 0 && OpenCount == 0)
        {
            Tree.TryPay(-MemoryBlocks.Cost(Content.Size) - Target.Length);
            Content.Resize(0);
            if (Kind == NodeKind.SymbolicLink)
            {
                Target = [];
            }
        }
    }
}
