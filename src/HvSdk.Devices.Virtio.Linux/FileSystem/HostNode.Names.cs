using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <content>Names in a directory.</content>
internal sealed partial class HostNode
{
    public override FileError Lookup(ReadOnlySpan<byte> name, out SharedNode? node)
    {
        node = null;
        FileError error = CheckDirectory(isWrite: false);
        return error != FileError.None ? error : _tree.Find(_fd, name, out node);
    }

    public override FileError Enumerate(ulong position, DirectoryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        FileError error = CheckDirectory(isWrite: false);
        return error != FileError.None ? error : _tree.Listings.List(this, position, writer);
    }

    public override FileError Create(ReadOnlySpan<byte> name, in NewNode created, out SharedNode? node)
    {
        node = null;
        switch (created.Kind)
        {
            case NodeKind.File:
                FileError error = CreateAndOpen(name, created, OpenModes.Write, out node, out OpenFile? file);
                file?.Close();
                return error;
            case NodeKind.Directory:
                return Make(name, created, out node);
            case NodeKind.Fifo or NodeKind.Socket when _tree.Options.AllowsPipesAndSockets:
                return Make(name, created, out node);
            default:
                return _tree.IsReadOnly ? FileError.EROFS : FileError.EPERM;
        }
    }

    public override FileError CreateSymbolicLink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, in NewNode created, out SharedNode? node)
    {
        node = null;
        FileError error = CheckNewName();
        if (error != FileError.None)
        {
            return error;
        }

        error = _tree.Options.AllowsNewSymbolicLinks ? FileCalls.MakeSymbolicLink(_fd, name, target) : FileError.EPERM;
        return error != FileError.None ? error : _tree.Find(_fd, name, out node);
    }

    public override FileError Link(ReadOnlySpan<byte> name, SharedNode existing)
    {
        if (existing is not HostNode other || !ReferenceEquals(other._tree, _tree))
        {
            return FileError.EXDEV;
        }

        FileError error = CheckNewName();
        if (error != FileError.None || (error = other.Check(isWrite: true)) != FileError.None)
        {
            return error;
        }

        // There is no sure way to link a symbolic link itself, and one more name for a pipe is of no use.
        return other.Kind == NodeKind.File ? FileCalls.Link(_tree.Descriptors, other._fd, _fd, name) : FileError.EPERM;
    }

    public override FileError Unlink(ReadOnlySpan<byte> name) => Remove(name, isDirectory: false);

    public override FileError RemoveDirectory(ReadOnlySpan<byte> name) => Remove(name, isDirectory: true);

    public override FileError Rename(ReadOnlySpan<byte> name, SharedNode newParent, ReadOnlySpan<byte> newName, RenameModes modes)
    {
        if (newParent is not HostNode other || !ReferenceEquals(other._tree, _tree))
        {
            return FileError.EXDEV;
        }

        FileError error = CheckDirectory(isWrite: true);
        return error != FileError.None || (error = other.CheckDirectory(isWrite: true)) != FileError.None
            ? error
            : FileCalls.Rename(_fd, name, other._fd, newName, modes);
    }

    private FileError Remove(ReadOnlySpan<byte> name, bool isDirectory)
    {
        FileError error = CheckDirectory(isWrite: true);
        return error != FileError.None ? error : FileCalls.Unlink(_fd, name, isDirectory);
    }

    private FileError Make(ReadOnlySpan<byte> name, in NewNode created, out SharedNode? node)
    {
        node = null;
        FileError error = CheckNewName();
        if (error != FileError.None)
        {
            return error;
        }

        uint permissions = _tree.Permissions(created.Permissions);
        error = created.Kind == NodeKind.Directory
            ? FileCalls.MakeDirectory(_fd, name, permissions & AccessBits)
            : FileCalls.MakeNode(_fd, name, created.Kind == NodeKind.Fifo, permissions & AccessBits);
        if (error != FileError.None || (error = _tree.Find(_fd, name, out node)) != FileError.None)
        {
            return error;
        }

        ((HostNode)node!).RestorePermissions(permissions);
        return FileError.None;
    }

    /// <summary>Gives what the process's umask has taken, and leaves what the host's directory hands on.</summary>
    private void RestorePermissions(uint permissions)
    {
        if (Kind != NodeKind.SymbolicLink && FileCalls.Status(_fd, out statx status) == FileError.None)
        {
            _ = FileCalls.ChangeMode(_tree.Descriptors, _fd, permissions | (status.stx_mode & LibC.S_ISGID)); // without them it is there still
        }
    }

    private FileError CheckDirectory(bool isWrite) => Kind == NodeKind.Directory ? Check(isWrite) : FileError.ENOTDIR;

    /// <summary>Whether a name can be made here. It is paid for, whatever becomes of it.</summary>
    private FileError CheckNewName()
    {
        FileError error = CheckDirectory(isWrite: true);
        return error == FileError.None && !_tree.TryChargeName() ? FileError.ENOSPC : error;
    }
}
