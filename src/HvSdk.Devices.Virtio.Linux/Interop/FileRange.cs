using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>fallocate(2) as far as disks need it: ranges of a file that read as zeroes afterwards. The file's length stays.</summary>
internal static partial class FileRange
{
    // linux/falloc.h
    private const int FALLOC_FL_KEEP_SIZE = 0x01;
    private const int FALLOC_FL_PUNCH_HOLE = 0x02;
    private const int FALLOC_FL_ZERO_RANGE = 0x10;

    private const int EOPNOTSUPP = 95; // asm-generic/errno.h

    /// <summary>Gives a range's room back to the file system.</summary>
    /// <returns>False: this file system cannot.</returns>
    /// <exception cref="IOException">It can, and failed.</exception>
    internal static bool TryPunchHole(SafeFileHandle file, long offset, long length) => TryChange(file, FALLOC_FL_PUNCH_HOLE, offset, length);

    /// <summary>Makes a range read as zeroes and keep its room, without writing them.</summary>
    /// <returns>False: this file system cannot.</returns>
    /// <exception cref="IOException">It can, and failed.</exception>
    internal static bool TryZero(SafeFileHandle file, long offset, long length) => TryChange(file, FALLOC_FL_ZERO_RANGE, offset, length);

    private static bool TryChange(SafeFileHandle file, int mode, long offset, long length)
    {
        while (fallocate(file, mode | FALLOC_FL_KEEP_SIZE, offset, length) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            switch (error)
            {
                case LibC.EINTR:
                    break;
                case EOPNOTSUPP or LibC.ENOSYS:
                    return false;
                default:
                    throw new IOException($"The host cannot make {length} bytes at {offset} of the image zero: {Marshal.GetPInvokeErrorMessage(error)}.");
            }
        }

        return true;
    }

    // off_t has 64 bits on all systems that .NET runs on with 64 bits.
    [LibraryImport("libc", SetLastError = true)]
    private static partial int fallocate(SafeFileHandle fd, int mode, long offset, long length);
}
