using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Live;

/// <summary>The stand-in for the Windows Hypervisor Platform (tests/whp-standin), where HVSDK_WHP_LIBRARY names it.</summary>
public static class WhpStandIn
{
    /// <summary>The variable that tells <see cref="Carrier"/>.</summary>
    public const string CarrierVariable = "HVSDK_WHP_CARRIER";

    private static readonly EventSetter s_setter = SetEvent;

    private delegate void EventSetter(nint handle);

    private delegate void SetEventHandler(nint setter);

    /// <summary>The library, or null for that of Windows.</summary>
    public static string? Path { get; } = Find();

    /// <summary>The KVM that carries the stand-in, as its own probe describes it ("kvm_amd, ..."); null where there is no stand-in.</summary>
    /// <remarks>A build for Windows, under Wine, cannot ask KVM: HVSDK_WHP_CARRIER tells it, and that there is a stand-in at all.</remarks>
    public static string? Carrier { get; } = Environment.GetEnvironmentVariable(CarrierVariable) is { Length: > 0 } carrier ? carrier
        : Path is null ? null
        : Hypervisor.Probe(KvmBackend.Instance).Backends[0].Reason;

    private static string? Find()
    {
        string? path = Environment.GetEnvironmentVariable("HVSDK_WHP_LIBRARY");
        if (string.IsNullOrEmpty(path))
        {
            return null;
        }

        // On Linux only .NET can set one of its events: the library is given a function that does.
        if (!OperatingSystem.IsWindows()
            && NativeLibrary.TryLoad(path, out nint library)
            && NativeLibrary.TryGetExport(library, "HvSdkStandInSetEventHandler", out nint export))
        {
            Marshal.GetDelegateForFunctionPointer<SetEventHandler>(export)(Marshal.GetFunctionPointerForDelegate(s_setter));
        }

        return path;
    }

    private static void SetEvent(nint handle)
    {
        using var waitable = new EventWaitHandle(false, EventResetMode.AutoReset);
        waitable.SafeWaitHandle.Dispose();
        waitable.SafeWaitHandle = new SafeWaitHandle(handle, ownsHandle: false);
        waitable.Set();
    }
}
