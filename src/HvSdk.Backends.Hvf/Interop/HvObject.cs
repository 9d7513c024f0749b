using System.Runtime.InteropServices;

namespace HvSdk.Backends.Hvf.Interop;

/// <summary>A configuration object of the framework, counted by the system.</summary>
internal sealed unsafe class HvObject : SafeHandle
{
    private readonly HvFunctions _functions;

    private HvObject(HvFunctions functions, nint pointer)
        : base(0, ownsHandle: true)
    {
        _functions = functions;
        SetHandle(pointer);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>The object itself; its owner keeps it while a call is under way.</summary>
    internal nint Pointer => handle;

    internal static HvObject Take(HvFunctions functions, nint pointer, string operation) => pointer == 0
        ? throw HvfError.FromResult(operation, (int)HvReturn.HV_NO_RESOURCES)
        : new HvObject(functions, pointer);

    protected override bool ReleaseHandle()
    {
        _functions.os_release(handle);
        return true;
    }
}
