namespace HvSdk.Devices.Virtio;

/// <content>The names in a directory.</content>
internal sealed partial class MemoryNode
{
    public override FileError Lookup(ReadOnlySpan<byte> name, out SharedNode? node)
    {
        lock (Tree.Gate)
        {
            node = Directory?.Find(name);
            return Directory is null ? FileError.ENOTDIR : node is null ? FileError.ENOENT : FileError.None;
        }
    }

    public override FileError Enumerate(ulong position, DirectoryWriter writer)
    {
        lock (Tree.Gate)
        {
            Directory?.List(position, writer);
            return Directory is null ? FileError.ENOTDIR : FileError.None;
        }
    }

    public override FileError Create(ReadOnlySpan<byte> name, in NewNode created, out SharedNode? node)
    {
        node = null;
        lock (Tree.Gate)
        {
            if (created.Kind is not (NodeKind.File or NodeKind.Directory or NodeKind.Fifo or NodeKind.Socket))
            {
                return FileError.EPERM;
            }

            FileError error = CheckNew(name);
            if (error == FileError.None)
            {
                node = Add(name, created);
            }

            return error;
        }
    }

    public override FileError CreateSymbolicLink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, in NewNode created, out SharedNode? node)
    {
        node = null;
        lock (Tree.Gate)
        {
            FileError error = CheckNew(name);
            if (error != FileError.None || !Tree.TryPay(target.Length))
            {
                return error != FileError.None ? error : FileError.ENOSPC;
            }

            MemoryNode link = Add(name, created with { Kind = NodeKind.SymbolicLink });
            link.Target = target.ToArray();
            node = link;
            return FileError.None;
        }
    }

    public override FileError Link(ReadOnlySpan<byte> name, SharedNode existing)
    {
        lock (Tree.Gate)
        {
            if (existing is not MemoryNode node || node.Tree != Tree)
            {
                return FileError.EXDEV;
            }

            if (node.Directory is not null)
            {
                return FileError.EPERM;
            }

            FileError error = node.Names == 0 ? FileError.ENOENT : CheckNew(name);
            if (error == FileError.None)
            {
                Attach(name, node);
            }

            return error;
        }
    }

    public override FileError Unlink(ReadOnlySpan<byte> name) => Remove(name, isDirectory: false);

    public override FileError RemoveDirectory(ReadOnlySpan<byte> name) => Remove(name, isDirectory: true);

    public override FileError Rename(ReadOnlySpan<byte> name, SharedNode newParent, ReadOnlySpan<byte> newName, RenameModes modes)
    {
        lock (Tree.Gate)
        {
            if (newParent is not MemoryNode parent || parent.Tree != Tree)
            {
                return FileError.EXDEV;
            }

            FileError error = CheckRename(name, parent, newName, modes, out MemoryNode? moved, out MemoryNode? replaced);
            if (error != FileError.None || moved == replaced)
            {
                return error; // two names of one node stay as they are, as rename(2) has it
            }

            if (modes == RenameModes.Exchange)
            {
                Directory!.Replace(name, replaced!);
                parent.Directory!.Replace(newName, moved!);
                replaced!.SetParent(this);
            }
            else
            {
                if (replaced is not null)
                {
                    parent.Detach(newName, replaced);
                }

                Directory!.Remove(name);
                parent.Directory!.Add(newName, moved!);
            }

            moved!.SetParent(parent);
            Touch();
            parent.Touch();
            return FileError.None;
        }
    }

    /// <summary>Adds a node; the name has been checked.</summary>
    public MemoryNode Add(ReadOnlySpan<byte> name, in NewNode created)
    {
        // In a directory with this bit all is of its group (inode(7)).
        bool inherits = (_permissions & NodeMode.SetGroupId) != 0;
        uint permissions = created.Permissions | (inherits && created.Kind == NodeKind.Directory ? NodeMode.SetGroupId : 0);
        MemoryNode node = Tree.NewNode(created with { Permissions = permissions, GroupId = inherits ? _groupId : created.GroupId });
        Attach(name, node);
        return node;
    }

    private void Attach(ReadOnlySpan<byte> name, MemoryNode node)
    {
        Directory!.Add(name, node);
        node.Names++;
        node.SetParent(this);
        node._changeTime = Tree.Now;
        Tree.NameCount++;
        Touch();
    }

    private void Detach(ReadOnlySpan<byte> name, MemoryNode node)
    {
        Directory!.Remove(name);
        Tree.NameCount--;
        node.RemoveName();
        Touch();
    }

    private void SetParent(MemoryNode parent) => Parent = Directory is null ? null : parent;

    /// <summary>Whether a name can be made here.</summary>
    private FileError CheckNew(ReadOnlySpan<byte> name)
    {
        if (Directory is null)
        {
            return FileError.ENOTDIR;
        }

        if (Directory.Find(name) is not null)
        {
            return FileError.EEXIST;
        }

        return Names == 0 ? FileError.ENOENT : Tree.IsReadOnly ? FileError.EROFS : Tree.NameCount >= Tree.MaxNames ? FileError.ENOSPC : FileError.None;
    }

    private FileError Remove(ReadOnlySpan<byte> name, bool isDirectory)
    {
        lock (Tree.Gate)
        {
            if (Directory is null || Tree.IsReadOnly)
            {
                return Directory is null ? FileError.ENOTDIR : FileError.EROFS;
            }

            if (Directory.Find(name) is not { } node)
            {
                return FileError.ENOENT;
            }

            FileError error = CheckGoes(node, isDirectory);
            if (error == FileError.None)
            {
                Detach(name, node);
            }

            return error;
        }
    }

    private static FileError CheckGoes(MemoryNode node, bool isDirectory) =>
        (node.Directory is not null) != isDirectory ? isDirectory ? FileError.ENOTDIR : FileError.EISDIR
        : node.Directory is { Count: > 0 } ? FileError.ENOTEMPTY
        : FileError.None;

    private FileError CheckRename(ReadOnlySpan<byte> name, MemoryNode parent, ReadOnlySpan<byte> newName, RenameModes modes, out MemoryNode? moved, out MemoryNode? replaced)
    {
        moved = Directory?.Find(name);
        replaced = parent.Directory?.Find(newName);
        if (Directory is null || parent.Directory is null)
        {
            return FileError.ENOTDIR;
        }

        if (Tree.IsReadOnly)
        {
            return FileError.EROFS;
        }

        if (moved is null || parent.Names == 0 || (replaced is null && modes == RenameModes.Exchange))
        {
            return FileError.ENOENT;
        }

        if (replaced is not null && modes == RenameModes.NoReplace)
        {
            return FileError.EEXIST;
        }

        // No directory comes to lie within itself.
        if (moved.Contains(parent) || (modes == RenameModes.Exchange && replaced!.Contains(this)))
        {
            return FileError.EINVAL;
        }

        return replaced is null || replaced == moved || modes == RenameModes.Exchange ? FileError.None : CheckGoes(replaced, moved.Directory is not null);
    }

    private bool Contains(MemoryNode? node)
    {
        while (node is not null && node != this)
        {
            node = node.Parent;
        }

        return node is not null;
    }
}
