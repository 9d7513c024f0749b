using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop;

/// <summary>Between a file and many pieces of guest memory, in one call of the kernel's (preadv, pwritev).</summary>
internal static unsafe class FileVectors
{
    /// <summary>Reads into the pieces.</summary>
    /// <returns>How many bytes; 0 at the file's end.</returns>
    internal static long Read(SafeHandle file, long offset, ReadOnlySpan<HostRange> pieces)
    {
        nint result;

        // SAFETY: the pinned vector outlives the call; the core keeps the memory mapped that its pieces name. A page that cannot be written is an error.
        fixed (HostRange* first = pieces)
        {
            do
            {
                result = LibC.preadv(file, first, pieces.Length, offset);
            }
            while (IsInterrupted(result));
        }

        return result >= 0 ? result : throw Failure("read");
    }

    /// <summary>Writes the pieces.</summary>
    /// <returns>How many bytes.</returns>
    internal static long Write(SafeHandle file, long offset, ReadOnlySpan<HostRange> pieces)
    {
        nint result;

        // SAFETY: as in Read.
        fixed (HostRange* first = pieces)
        {
            do
            {
                result = LibC.pwritev(file, first, pieces.Length, offset);
            }
            while (IsInterrupted(result));
        }

        return result >= 0 ? result : throw Failure("written");
    }

    private static bool IsInterrupted(nint result) => result < 0 && Marshal.GetLastPInvokeError() == LibC.EINTR;

    private static IOException Failure(string what)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"The host's file cannot be {what}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).", error);
    }
}
