using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop;

/// <summary>Between a file and many pieces of guest memory, in one call of the kernel's (preadv, pwritev).</summary>
internal static unsafe class FileVectors
{
    /// <summary>Reads into the pieces.</summary>
    /// <returns>How many bytes; 0 at the file's end.</returns>
    internal static long Read(SafeHandle file, long offset, ReadOnlySpan<HostRange> pieces) => Move(file, offset, pieces, LibC.preadv, "read");

    /// <summary>Writes the pieces.</summary>
    /// <returns>How many bytes.</returns>
    internal static long Write(SafeHandle file, long offset, ReadOnlySpan<HostRange> pieces) => Move(file, offset, pieces, LibC.pwritev, "written");

    private static long Move(SafeHandle file, long offset, ReadOnlySpan<HostRange> pieces, MoveCall call, string what)
    {
        // SAFETY: the pinned vector outlives the call; the core keeps the memory mapped that its pieces name. A page that cannot be written is an error.
        fixed (HostRange* first = pieces)
        {
            while (true)
            {
                nint result = call(file, first, pieces.Length, offset);
                if (result >= 0)
                {
                    return result;
                }

                int error = Marshal.GetLastPInvokeError();
                if (error != LibC.EINTR)
                {
                    throw new IOException($"The host's file cannot be {what}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).", error);
                }
            }
        }
    }

    private delegate nint MoveCall(SafeHandle fd, HostRange* pieces, int count, long offset);
}
