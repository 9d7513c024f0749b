using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Whp.Interop;

/// <summary>A second handle to a section, for the caller.</summary>
internal static partial class SectionHandle
{
    private const uint DuplicateSameAccess = 2;

    internal static SafeFileHandle Duplicate(SafeMemoryMappedFileHandle section)
    {
        if (!OperatingSystem.IsWindows())
        {
            // The library is not that of Windows, and the framework's sections are files in memory.
            return File.OpenHandle($"/proc/self/fd/{section.DangerousGetHandle()}", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        }

        nint process = GetCurrentProcess();
        return DuplicateHandle(process, section, process, out nint handle, 0, 0, DuplicateSameAccess) != 0
            ? new SafeFileHandle(handle, ownsHandle: true)
            : throw WhpError.FromResult(nameof(DuplicateHandle), Marshal.GetHRForLastWin32Error());
    }

    [LibraryImport("kernel32.dll")]
    private static partial nint GetCurrentProcess();

    [LibraryImport("kernel32.dll", SetLastError = true)]
    private static partial int DuplicateHandle(
        nint sourceProcess, SafeHandle source, nint targetProcess, out nint target, uint access, int inherit, uint options);
}
