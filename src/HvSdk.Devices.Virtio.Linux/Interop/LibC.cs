using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>The C library's functions and numbers that the package needs, for Linux on x86-64 and arm64 (asm-generic where not said otherwise).</summary>
/// <remarks>Declared once, called by the wrappers beside them only, which check every result.</remarks>
internal static partial class LibC
{
    internal const int EINTR = 4;
    internal const int EAGAIN = 11;
    internal const int EINVAL = 22;
    internal const int ENOSYS = 38;
    internal const int EOPNOTSUPP = 95;

    private const string Library = "libc";

    private static readonly bool s_isArm64 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int close(int fd);
}
