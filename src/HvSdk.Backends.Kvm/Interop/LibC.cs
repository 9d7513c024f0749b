using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop;

/// <summary>The C library's functions and numbers that the backend needs, for Linux on x86-64 (asm-generic where not said otherwise).</summary>
/// <remarks>Declared once, called by the wrappers beside them only, which check every result.</remarks>
internal static unsafe partial class LibC
{
    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int EINTR = 4;
    internal const int EIO = 5;
    internal const int E2BIG = 7;
    internal const int EAGAIN = 11;
    internal const int ENOMEM = 12;
    internal const int EACCES = 13;
    internal const int EFAULT = 14;
    internal const int EBUSY = 16;
    internal const int EEXIST = 17;
    internal const int ENXIO = 6;
    internal const int ENOEXEC = 8;
    internal const int ENODEV = 19;
    internal const int EINVAL = 22;
    internal const int ENFILE = 23;
    internal const int EMFILE = 24;
    internal const int ENOTTY = 25;
    internal const int ENOSPC = 28;

    internal const int O_RDWR = 2;
    internal const int O_CLOEXEC = 0x80000;

    internal const int F_DUPFD_CLOEXEC = 1030;

    internal const int PROT_NONE = 0;
    internal const int PROT_READ = 1;
    internal const int PROT_WRITE = 2;
    internal const int MAP_SHARED = 0x01;
    internal const int MAP_PRIVATE = 0x02;
    internal const int MAP_FIXED = 0x10;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MAP_NORESERVE = 0x4000;
    internal const int MAP_POPULATE = 0x8000;
    internal const int MAP_HUGETLB = 0x40000;
    internal const int MAP_HUGE_2MB = 21 << 26;
    internal const int MAP_HUGE_1GB = 30 << 26;
    internal const int MADV_DONTNEED = 4;
    internal const int MADV_REMOVE = 9;
    internal const int MADV_HUGEPAGE = 14;

    internal const uint MFD_CLOEXEC = 1;
    internal const uint MFD_HUGETLB = 4;
    internal const uint MFD_HUGE_2MB = 21 << 26;
    internal const uint MFD_HUGE_1GB = 30u << 26;

    internal const int EFD_NONBLOCK = 0x800;
    internal const int EFD_CLOEXEC = 0x80000;
    internal const short POLLIN = 1;

    private const string Library = "libc";

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int open(byte* path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(SafeFd fd, nuint request, nint argument);

    // The run loop's own. The vCPU's use count keeps the descriptor open, so no reference is taken per exit. SetLastError would clear and read
    // errno around each call; errno means something after a failure alone, and the caller reads it then, as its very next call.
    [LibraryImport(Library)]
    internal static partial int ioctl(int fd, nuint request, nint argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fcntl(SafeFd fd, int command, int argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, SafeHandle fd, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int munmap(nint address, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int memfd_create(byte* name, uint flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ftruncate(SafeFd fd, long length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int eventfd(uint initial, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint read(SafeFd fd, void* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pread(SafeFd fd, void* buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint preadv(SafeHandle fd, HostRange* pieces, int count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pwritev(SafeHandle fd, HostRange* pieces, int count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint write(SafeFd fd, void* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int poll(pollfd* descriptors, nuint count, int timeout);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getpid();

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int gettid();

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int tgkill(int processId, int threadId, int signal);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint signal(int signal, nint handler);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sigaction(int signal, void* action, void* previous);
}

#pragma warning disable CS8981 // the header's name
internal struct pollfd
{
    public int fd;
    public short events;
    public short revents;
}
