using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>Ways to open that lead nowhere else than they say. Errors are values.</summary>
internal static class Opening
{
    /// <summary>What a node is held by: neither read nor written, and of no effect on a pipe or a device.</summary>
    internal static readonly int Handle = LibC.O_PATH | LibC.O_NOFOLLOW | LibC.O_CLOEXEC;

    // Each look at the tree can be crossed by a rename, after which Linux asks us to look again.
    private const int MaxAttempts = 8;

    /// <summary>Opens what has a name in a directory: never through a link, never above the directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="name">One component.</param>
    /// <param name="flags">O_ flags.</param>
    /// <param name="mode">Permissions, with O_CREAT alone.</param>
    /// <param name="crossesMounts">What another file system has mounted there is opened too.</param>
    /// <param name="fd">It.</param>
    internal static FileError Beneath(SafeFd directory, ReadOnlySpan<byte> name, int flags, uint mode, bool crossesMounts, out SafeFd? fd)
    {
        fd = null;
        Span<byte> path = stackalloc byte[NativeName.Size];
        return NativeName.TryCopy(name, path) ? Resolve(directory, path, flags, mode, crossesMounts, out fd) : FileError.EINVAL;
    }

    /// <summary>Opens a directory that is held, to read its entries or to make them durable.</summary>
    internal static FileError Directory(SafeFd directory, out SafeFd? fd) =>
        Resolve(directory, NativeName.Dot, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_CLOEXEC, 0, crossesMounts: false, out fd);

    /// <summary>Opens once more what a descriptor stands for, whatever has become of its name.</summary>
    /// <param name="descriptors">/proc/self/fd.</param>
    /// <param name="fd">The descriptor. It is no symbolic link and no pipe or device, which the caller has seen.</param>
    /// <param name="flags">O_ flags.</param>
    /// <param name="opened">It.</param>
    internal static FileError Again(SafeFd descriptors, SafeFd fd, int flags, out SafeFd? opened)
    {
        using var name = new DescriptorName(fd, stackalloc byte[DescriptorName.Size]);
        int error;
        do
        {
            opened = SafeFd.Take(LibC.openat(descriptors, name.Text, flags | LibC.O_CLOEXEC), out error);
        }
        while (error == LibC.EINTR);
        return (FileError)error;
    }

    private static FileError Resolve(SafeFd directory, ReadOnlySpan<byte> path, int flags, uint mode, bool crossesMounts, out SafeFd? fd)
    {
        var how = new open_how
        {
            flags = (uint)flags,
            mode = mode,
            resolve = LibC.RESOLVE_BENEATH | LibC.RESOLVE_NO_MAGICLINKS | LibC.RESOLVE_NO_SYMLINKS | (crossesMounts ? 0UL : LibC.RESOLVE_NO_XDEV),
        };
        int error;
        int attempts = 0;
        do
        {
            fd = SafeFd.Take((int)LibC.openat2(LibC.SYS_openat2, directory, path, how, (nuint)Unsafe.SizeOf<open_how>()), out error);
        }
        while (error is LibC.EAGAIN or LibC.EINTR && ++attempts < MaxAttempts);
        return (FileError)error;
    }
}
