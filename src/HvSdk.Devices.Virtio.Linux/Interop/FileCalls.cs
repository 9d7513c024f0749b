namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>Calls on nodes and their names, with errors as values.</summary>
internal static class FileCalls
{
    /// <summary>What a descriptor stands for.</summary>
    internal static FileError Status(SafeFd fd, out statx status) => Check(LibC.statx(fd, NativeName.Empty, LibC.AT_EMPTY_PATH | LibC.AT_NO_AUTOMOUNT, LibC.STATX_BASIC_STATS, out status));

    /// <summary>What has a name in a directory; a symbolic link is itself.</summary>
    internal static FileError Status(SafeFd directory, ReadOnlySpan<byte> name, out statx status)
    {
        status = default;
        Span<byte> path = stackalloc byte[NativeName.Size];
        return NativeName.TryCopy(name, path)
            ? Check(LibC.statx(directory, path, LibC.AT_SYMLINK_NOFOLLOW | LibC.AT_NO_AUTOMOUNT, LibC.STATX_BASIC_STATS, out status))
            : FileError.EINVAL;
    }

    /// <summary>Changes the permissions of what is no symbolic link.</summary>
    internal static FileError ChangeMode(SafeFd descriptors, SafeFd fd, uint permissions)
    {
        using var name = new DescriptorName(fd, stackalloc byte[DescriptorName.Size]);
        return Check(LibC.fchmodat(descriptors, name.Text, permissions, 0));
    }

    internal static FileError SetTimes(SafeFd fd, ReadOnlySpan<timespec> times) => Check(LibC.utimensat(fd, NativeName.Empty, times, LibC.AT_EMPTY_PATH));

    internal static FileError ReadLink(SafeFd fd, Span<byte> destination, out int length)
    {
        nint result = LibC.readlinkat(fd, NativeName.Empty, destination, (nuint)destination.Length);
        length = (int)nint.Max(result, 0);
        return Check(result);
    }

    internal static FileError MakeDirectory(SafeFd directory, ReadOnlySpan<byte> name, uint permissions)
    {
        Span<byte> path = stackalloc byte[NativeName.Size];
        return NativeName.TryCopy(name, path) ? Check(LibC.mkdirat(directory, path, permissions)) : FileError.EINVAL;
    }

    /// <summary>Makes a named pipe or a socket; nothing else.</summary>
    internal static FileError MakeNode(SafeFd directory, ReadOnlySpan<byte> name, bool isPipe, uint permissions)
    {
        Span<byte> path = stackalloc byte[NativeName.Size];
        return NativeName.TryCopy(name, path)
            ? Check(LibC.mknodat(directory, path, (isPipe ? LibC.S_IFIFO : LibC.S_IFSOCK) | permissions, 0))
            : FileError.EINVAL;
    }

    internal static FileError MakeSymbolicLink(SafeFd directory, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        Span<byte> path = stackalloc byte[NativeName.Size];
        Span<byte> text = stackalloc byte[NativeName.TargetSize];
        return NativeName.TryCopy(name, path) && NativeName.TryCopyTarget(target, text) ? Check(LibC.symlinkat(text, directory, path)) : FileError.EINVAL;
    }

    /// <summary>Gives a file one more name.</summary>
    internal static FileError Link(SafeFd descriptors, SafeFd fd, SafeFd directory, ReadOnlySpan<byte> name)
    {
        Span<byte> path = stackalloc byte[NativeName.Size];
        if (!NativeName.TryCopy(name, path))
        {
            return FileError.EINVAL;
        }

        using var existing = new DescriptorName(fd, stackalloc byte[DescriptorName.Size]);
        return Check(LibC.linkat(descriptors, existing.Text, directory, path, LibC.AT_SYMLINK_FOLLOW));
    }

    internal static FileError Unlink(SafeFd directory, ReadOnlySpan<byte> name, bool isDirectory)
    {
        Span<byte> path = stackalloc byte[NativeName.Size];
        return NativeName.TryCopy(name, path) ? Check(LibC.unlinkat(directory, path, isDirectory ? LibC.AT_REMOVEDIR : 0)) : FileError.EINVAL;
    }

    internal static FileError Rename(SafeFd directory, ReadOnlySpan<byte> name, SafeFd newDirectory, ReadOnlySpan<byte> newName, RenameModes modes)
    {
        Span<byte> path = stackalloc byte[NativeName.Size];
        Span<byte> newPath = stackalloc byte[NativeName.Size];
        return NativeName.TryCopy(name, path) && NativeName.TryCopy(newName, newPath)
            ? Check(LibC.renameat2(directory, path, newDirectory, newPath, (uint)modes))
            : FileError.EINVAL;
    }

    internal static FileError Statistics(SafeFd fd, out statfs statistics) => Check(LibC.fstatfs(fd, out statistics));

    /// <summary>Makes the changes of a directory durable, or those of its whole file system.</summary>
    internal static FileError Sync(SafeFd directory, bool isWholeTree)
    {
        FileError error = Opening.Directory(directory, out SafeFd? fd);
        if (error != FileError.None)
        {
            return error;
        }

        using (fd)
        {
            return Check(isWholeTree ? LibC.syncfs(fd!) : LibC.fsync(fd!));
        }
    }

    /// <summary>The error of a call that has just returned this.</summary>
    internal static FileError Check(nint result) => result < 0 ? (FileError)SafeFd.LastError : FileError.None;
}
