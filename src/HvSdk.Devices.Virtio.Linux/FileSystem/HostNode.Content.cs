using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <content>Files that are opened, and made.</content>
internal sealed partial class HostNode
{
    private const uint AccessBits = 0x1FF;

    public override FileError Open(OpenModes modes, out OpenFile? file)
    {
        file = null;
        FileError error = Check((modes & (OpenModes.Write | OpenModes.Truncate)) != 0);
        if (error == FileError.None)
        {
            error = Kind switch
            {
                NodeKind.File => FileError.None,
                NodeKind.Directory => FileError.EISDIR,
                NodeKind.SymbolicLink => FileError.ELOOP,
                _ => FileError.ENXIO,
            };
        }

        if (error != FileError.None || (error = OpenDescriptor(modes, out SafeFd? fd)) != FileError.None)
        {
            return error;
        }

        file = new HostFile(_tree, fd!, modes);
        return FileError.None;
    }

    public override FileError CreateAndOpen(ReadOnlySpan<byte> name, in NewNode created, OpenModes modes, out SharedNode? node, out OpenFile? file)
    {
        node = null;
        file = null;
        FileError error = CheckNewName();
        if (error != FileError.None)
        {
            return error;
        }

        if (!_tree.TryReserve(2))
        {
            return FileError.ENFILE;
        }

        // What is made is held by what was opened, not by its name, which may be another's by now.
        uint permissions = _tree.Permissions(created.Permissions);
        error = Opening.Beneath(_fd, name, ToFlags(modes) | LibC.O_CREAT | LibC.O_EXCL | LibC.O_NOFOLLOW | LibC.O_CLOEXEC, permissions & AccessBits, crossesMounts: false, out SafeFd? fd);
        if (error != FileError.None)
        {
            _tree.Release(2);
            return error;
        }

        _ = LibC.fchmod(fd!, permissions); // the process's umask has taken bits that the guest's left; without them the file is there still
        error = Opening.Again(_tree.Descriptors, fd!, LibC.O_PATH, out SafeFd? handle);
        if (error != FileError.None)
        {
            fd!.Dispose();
            _tree.Release(2);
            return error;
        }

        file = new HostFile(_tree, fd!, modes);
        return _tree.Add(handle!, out node);
    }

    private static int ToFlags(OpenModes modes) =>
        ((modes & (OpenModes.Read | OpenModes.Write | OpenModes.Truncate)) switch
        {
            OpenModes.None or OpenModes.Read => LibC.O_RDONLY,
            OpenModes.Write or OpenModes.Write | OpenModes.Truncate => LibC.O_WRONLY,
            _ => LibC.O_RDWR,
        })
        | (modes.HasFlag(OpenModes.Truncate) ? LibC.O_TRUNC : 0)
        | LibC.O_NONBLOCK // of no effect on a file, unless somebody on the host has a lease on it
        | LibC.O_NOCTTY;

    private FileError OpenDescriptor(OpenModes modes, out SafeFd? fd)
    {
        fd = null;
        if ((modes & (OpenModes.Write | OpenModes.Truncate)) != 0)
        {
            FileError dropped = DropSetIdBits();
            if (dropped != FileError.None)
            {
                return dropped;
            }
        }

        if (!_tree.TryReserve(1))
        {
            return FileError.ENFILE;
        }

        FileError error = Opening.Again(_tree.Descriptors, _fd, ToFlags(modes), out fd);
        if (error != FileError.None)
        {
            _tree.Release(1);
        }

        return error;
    }

    /// <summary>A privileged process keeps these bits on what it writes; a guest must not profit from that.</summary>
    private FileError DropSetIdBits()
    {
        FileError error = FileCalls.Status(_fd, out statx status);
        return error != FileError.None || _tree.Permissions(status.stx_mode) == (status.stx_mode & 0xFFFU)
            ? error
            : FileCalls.ChangeMode(_tree.Descriptors, _fd, _tree.Permissions(status.stx_mode));
    }

    private FileError Resize(long size, HostFile? file)
    {
        if (Kind != NodeKind.File || size > _tree.MaxFileSize)
        {
            return Kind == NodeKind.Directory ? FileError.EISDIR : Kind != NodeKind.File ? FileError.EINVAL : FileError.EFBIG;
        }

        if (file is { IsWritable: true })
        {
            return file.Resize(size);
        }

        FileError error = OpenDescriptor(OpenModes.Write, out SafeFd? fd);
        if (error != FileError.None)
        {
            return error;
        }

        error = ContentCalls.Resize(fd!, size);
        fd!.Dispose();
        _tree.Release(1);
        return error;
    }
}
