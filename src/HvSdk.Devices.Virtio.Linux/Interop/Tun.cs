using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>Calls and numbers of the tun driver, from linux/if_tun.h, linux/if.h and asm-generic, the same on x86-64 and arm64.</summary>
/// <remarks>Called by <see cref="TunQueue"/> and <see cref="TunPoll"/> only, which check every result.</remarks>
internal static partial class Tun
{
    internal const string DevicePath = "/dev/net/tun";

    internal const int O_RDWR = 2;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_CLOEXEC = 0x80000;
    internal const int EFD_NONBLOCK = O_NONBLOCK;
    internal const int EFD_CLOEXEC = O_CLOEXEC;
    internal const short POLLIN = 1;

    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int EIO = 5;
    internal const int ENXIO = 6;
    internal const int E2BIG = 7;
    internal const int EBADF = 9;
    internal const int EACCES = 13;
    internal const int EBUSY = 16;
    internal const int ENODEV = 19;
    internal const int EBADFD = 77;

    internal const int IFNAMSIZ = 16;
    internal const int ifreqSize = 40;
    internal const int ifr_flags = IFNAMSIZ; // where in struct ifreq

    internal const ushort IFF_TAP = 0x0002;
    internal const ushort IFF_MULTI_QUEUE = 0x0100;
    internal const ushort IFF_NO_PI = 0x1000;
    internal const ushort IFF_VNET_HDR = 0x4000;

    internal const uint TUN_F_CSUM = 0x01;
    internal const uint TUN_F_TSO4 = 0x02;
    internal const uint TUN_F_TSO6 = 0x04;
    internal const uint TUN_F_TSO_ECN = 0x08;

    internal const uint TUNSETIFF = 0x4004_54CA; // _IOW('T', 202, int)
    internal const uint TUNSETOFFLOAD = 0x4004_54D0; // _IOW('T', 208, unsigned int)
    internal const uint TUNSETVNETHDRSZ = 0x4004_54D8; // _IOW('T', 216, int)

    private const string Library = "libc";

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(SafeFileHandle fd, nuint request, nint argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(SafeFileHandle fd, nuint request, Span<byte> argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(SafeFileHandle fd, nuint request, ref int argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint read(SafeFileHandle fd, Span<byte> buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint write(SafeFileHandle fd, ReadOnlySpan<byte> buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint writev(SafeFileHandle fd, ReadOnlySpan<HostRange> pieces, int count);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int eventfd(uint initial, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int poll(Span<pollfd> descriptors, nuint count, int timeout);
}

#pragma warning disable CS8981 // the header's name
/// <summary>struct pollfd of poll.h, 8 bytes.</summary>
internal struct pollfd
{
    public int fd;
    public short events;
    public short revents;
}
