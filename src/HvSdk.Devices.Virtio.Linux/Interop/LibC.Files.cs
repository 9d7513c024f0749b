using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <content>Files and directories.</content>
internal static partial class LibC
{
    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const int AT_REMOVEDIR = 0x200;
    internal const int AT_SYMLINK_FOLLOW = 0x400;
    internal const int AT_NO_AUTOMOUNT = 0x800;
    internal const int AT_EMPTY_PATH = 0x1000;

    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_RDWR = 2;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_NOCTTY = 0x100;
    internal const int O_TRUNC = 0x200;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_CLOEXEC = 0x80000;
    internal const int O_PATH = 0x200000;

    // linux/openat2.h
    internal const int RESOLVE_NO_XDEV = 0x01;
    internal const int RESOLVE_NO_MAGICLINKS = 0x02;
    internal const int RESOLVE_NO_SYMLINKS = 0x04;
    internal const int RESOLVE_BENEATH = 0x08;

    internal const int SYS_openat2 = 437;

    internal const uint S_IFIFO = 0x1000;
    internal const uint S_IFSOCK = 0xC000;
    internal const uint S_ISUID = 0x800;
    internal const uint S_ISGID = 0x400;

    internal const int STATX_BASIC_STATS = 0x7FF;
    internal const long UTIME_OMIT = 0x3FFFFFFE;
    internal const long PROC_SUPER_MAGIC = 0x9FA0;

    internal const int SEEK_SET = 0;
    internal const int SEEK_DATA = 3;
    internal const int SEEK_HOLE = 4;

    internal const int FALLOC_FL_KEEP_SIZE = 0x01;
    internal const int FALLOC_FL_PUNCH_HOLE = 0x02;
    internal const int FALLOC_FL_ZERO_RANGE = 0x10;

    internal const int RLIMIT_FSIZE = 1;
    internal const int RLIMIT_NOFILE = 7;

    internal static readonly int O_DIRECTORY = s_isArm64 ? 0x4000 : 0x10000;
    internal static readonly int O_NOFOLLOW = s_isArm64 ? 0x8000 : 0x20000;

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int open(ReadOnlySpan<byte> path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int openat(SafeFd directory, ReadOnlySpan<byte> path, int flags);

    // The C library has no function of this name yet.
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint openat2(nint number, SafeFd directory, ReadOnlySpan<byte> path, in open_how how, nuint size);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int statx(SafeFd directory, ReadOnlySpan<byte> path, int flags, uint mask, out statx buffer);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fstatfs(SafeFd fd, out statfs buffer);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getrlimit(int resource, out rlimit limit);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint getdents64(SafeFd directory, Span<byte> buffer, nuint size);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint readlinkat(SafeFd directory, ReadOnlySpan<byte> path, Span<byte> buffer, nuint size);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int mkdirat(SafeFd directory, ReadOnlySpan<byte> path, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int mknodat(SafeFd directory, ReadOnlySpan<byte> path, uint mode, ulong device);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int symlinkat(ReadOnlySpan<byte> target, SafeFd directory, ReadOnlySpan<byte> path);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int linkat(SafeFd directory, ReadOnlySpan<byte> path, SafeFd newDirectory, ReadOnlySpan<byte> newPath, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int unlinkat(SafeFd directory, ReadOnlySpan<byte> path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int renameat2(SafeFd directory, ReadOnlySpan<byte> path, SafeFd newDirectory, ReadOnlySpan<byte> newPath, uint flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fchmod(SafeFd fd, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fchmodat(SafeFd directory, ReadOnlySpan<byte> path, uint mode, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int utimensat(SafeFd directory, ReadOnlySpan<byte> path, ReadOnlySpan<timespec> times, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ftruncate(SafeFd fd, long length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fallocate(SafeFd fd, int mode, long offset, long length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fallocate(SafeFileHandle fd, int mode, long offset, long length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pread(SafeFd fd, Span<byte> buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pwrite(SafeFd fd, ReadOnlySpan<byte> buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint preadv(SafeFd fd, ReadOnlySpan<HostRange> pieces, int count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pwritev(SafeFd fd, ReadOnlySpan<HostRange> pieces, int count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial long lseek(SafeFd fd, long offset, int whence);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fsync(SafeFd fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fdatasync(SafeFd fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int syncfs(SafeFd fd);
}
