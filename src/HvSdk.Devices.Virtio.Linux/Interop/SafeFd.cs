using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>A file descriptor of the package's own.</summary>
internal sealed class SafeFd : SafeHandle
{
    /// <summary>For the generated code, which puts a call's result in.</summary>
    public SafeFd()
        : base(-1, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle == -1;

    /// <summary>The number, for callers that keep the handle alive themselves.</summary>
    internal int Number => (int)handle;

    /// <summary>The error of the call that has just failed.</summary>
    internal static int LastError => Marshal.GetLastPInvokeError();

    // The result of close is not looked at: Linux has closed the descriptor whatever it says.
    protected override bool ReleaseHandle() => LibC.close((int)handle) == 0;
}
