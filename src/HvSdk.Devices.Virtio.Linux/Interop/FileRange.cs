using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>fallocate(2) as far as disks need it: ranges of a file that read as zeroes afterwards. The file's length stays.</summary>
internal static class FileRange
{
    /// <summary>Gives a range's room back to the file system.</summary>
    /// <returns>False: this file system cannot.</returns>
    /// <exception cref="IOException">It can, and failed.</exception>
    internal static bool TryPunchHole(SafeFileHandle file, long offset, long length) => TryChange(file, LibC.FALLOC_FL_PUNCH_HOLE, offset, length);

    /// <summary>Makes a range read as zeroes and keep its room, without writing them.</summary>
    /// <returns>False: this file system cannot.</returns>
    /// <exception cref="IOException">It can, and failed.</exception>
    internal static bool TryZero(SafeFileHandle file, long offset, long length) => TryChange(file, LibC.FALLOC_FL_ZERO_RANGE, offset, length);

    private static bool TryChange(SafeFileHandle file, int mode, long offset, long length)
    {
        while (LibC.fallocate(file, mode | LibC.FALLOC_FL_KEEP_SIZE, offset, length) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            switch (error)
            {
                case LibC.EINTR:
                    break;
                case LibC.EOPNOTSUPP or LibC.ENOSYS:
                    return false;
                default:
                    throw new IOException($"The host cannot make {length} bytes at {offset} of the image zero: {Marshal.GetPInvokeErrorMessage(error)}.");
            }
        }

        return true;
    }
}
