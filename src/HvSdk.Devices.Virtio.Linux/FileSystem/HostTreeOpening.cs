using System.Text;
using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>What a <see cref="HostDirectory"/> opens first, with errors for its caller.</summary>
internal static class HostTreeOpening
{
    public static SafeFd Open(string path)
    {
        SafeFd? fd = SafeFd.Take(LibC.open(Encoding.UTF8.GetBytes(path + '\0'), LibC.O_PATH | LibC.O_DIRECTORY | LibC.O_CLOEXEC), out int error);
        if (fd is null)
        {
            throw (FileError)error switch
            {
                FileError.ENOENT or FileError.ENOTDIR => new DirectoryNotFoundException($"'{path}' is no directory that is there. Make it first."),
                FileError.EACCES or FileError.EPERM => new UnauthorizedAccessException($"'{path}' may not be opened: {(FileError)error}. Let this process's user search it and the directories above it."),
                _ => new IOException($"'{path}' cannot be opened: {(FileError)error}."),
            };
        }

        // Whether Linux has what keeps guests in, and lets this process use it.
        FileError refusal = Opening.Directory(fd, out SafeFd? again);
        again?.Dispose();
        if (refusal is FileError.None or FileError.EACCES)
        {
            return fd; // without the right to list it, names in it can be found still
        }

        fd.Dispose();
        throw refusal is FileError.ENOSYS or FileError.EPERM
            ? new PlatformNotSupportedException($"This Linux refuses openat2 with {refusal}. Use Linux 5.8 or later, and allow the call where system calls are filtered.")
            : new IOException($"'{path}' cannot be listed: {refusal}.");
    }

    /// <summary>Opens /proc/self/fd, and sees that it is no forgery.</summary>
    public static SafeFd OpenDescriptors()
    {
        SafeFd? fd = SafeFd.Take(LibC.open("/proc/self/fd\0"u8, LibC.O_PATH | LibC.O_DIRECTORY | LibC.O_CLOEXEC), out int error);
        if (fd is not null && FileCalls.Statistics(fd, out statfs statistics) == FileError.None && statistics.f_type == LibC.PROC_SUPER_MAGIC)
        {
            return fd;
        }

        fd?.Dispose();
        throw new PlatformNotSupportedException($"/proc/self/fd is not there ({(FileError)error}). Mount /proc.");
    }

    /// <summary>Half of what this process may have open.</summary>
    public static int DefaultHandles(int most) =>
        LibC.getrlimit(LibC.RLIMIT_NOFILE, out rlimit limit) == 0 ? (int)ulong.Clamp(limit.rlim_cur / 2, 1, (ulong)most) : most;

    /// <summary>Where the kernel would end this process with a signal for what a guest writes.</summary>
    public static long LargestFile() =>
        LibC.getrlimit(LibC.RLIMIT_FSIZE, out rlimit limit) == 0 ? (long)ulong.Min(limit.rlim_cur, long.MaxValue) : long.MaxValue;
}
