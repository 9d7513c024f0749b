using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>A file descriptor of the package's own.</summary>
internal sealed class SafeFd : SafeHandle
{
    private SafeFd(int fd)
        : base(-1, ownsHandle: true) => SetHandle(fd);

    public override bool IsInvalid => handle == -1;

    /// <summary>The number, for callers that keep the handle alive themselves.</summary>
    internal int Number => (int)handle;

    /// <summary>The error of the call that has just failed.</summary>
    internal static int LastError => Marshal.GetLastPInvokeError();

    /// <summary>Takes a descriptor that a call has just returned; null with the error where it failed.</summary>
    internal static SafeFd? Take(int fd, out int error)
    {
        error = fd < 0 ? LastError : 0;
        return fd < 0 ? null : new SafeFd(fd);
    }

    // The result of close is not looked at: Linux has closed the descriptor whatever it says.
    protected override bool ReleaseHandle() => LibC.close((int)handle) == 0;
}
