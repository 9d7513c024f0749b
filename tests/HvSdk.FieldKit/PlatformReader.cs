using System.Diagnostics;
using System.Runtime.InteropServices;
using HvSdk.Live;
using HvSdk.Live.Transcripts;

namespace HvSdk.FieldKit;

/// <summary>
/// Asks the Windows Hypervisor Platform itself, past the backend: which functions there are, and each capability with its raw answer. It shows
/// what an edition of Windows has where the backend's reading of the documents may be wrong.
/// </summary>
internal static class PlatformReader
{
    private const string SystemLibrary = "WinHvPlatform.dll";

    /// <summary>Functions that not every Windows has (winhvplatform.h).</summary>
    private static readonly string[] s_exports =
    [
        "WHvRequestInterrupt", "WHvQueryGpaRangeDirtyBitmap", "WHvGetVirtualProcessorXsaveState", "WHvGetPartitionCounters", "WHvSuspendPartitionTime",
        "WHvRegisterPartitionDoorbellEvent", "WHvGetVirtualProcessorInterruptControllerState2", "WHvMapGpaRange2", "WHvAdviseGpaRange",
        "WHvGetVirtualProcessorState", "WHvCreateVirtualProcessor2", "WHvGetVirtualProcessorCpuidOutput", "WHvGetInterruptTargetVpSet", "WHvResetPartition",
        "WHvCreateTrigger", "WHvCreateNotificationPort", "WHvPostVirtualProcessorSynicMessage", "WHvStartPartitionMigration",
    ];

    /// <summary>WHV_CAPABILITY_CODE, with those that are newer than the headers of mingw-w64 10.0.0, and one that nobody has.</summary>
    private static readonly uint[] s_capabilities =
        [.. Enumerable.Range(0, 0x10).Concat(Enumerable.Range(0x1000, 0x18)).Append(0x7FFF).Select(static code => (uint)code)];

    private delegate int GetCapability(uint code, byte[] buffer, uint size, out uint written);

    /// <summary>Asks; empty where there is no library, or it is not that platform's.</summary>
    public static IReadOnlyList<PlatformAnswer> Read()
    {
        if (!NativeLibrary.TryLoad(WhpStandIn.Path ?? SystemLibrary, out nint library) || !NativeLibrary.TryGetExport(library, "WHvGetCapability", out nint export))
        {
            return [];
        }

        GetCapability ask = Marshal.GetDelegateForFunctionPointer<GetCapability>(export);
        return
        [
            .. ReadVersion(),
            .. s_exports.Select(name => new PlatformAnswer(name, NativeLibrary.TryGetExport(library, name, out _) ? "there" : "missing")),
            .. s_capabilities.Select(code => new PlatformAnswer($"capability 0x{code:X4}", Ask(ask, code))),
        ];
    }

    private static IEnumerable<PlatformAnswer> ReadVersion()
    {
        string path = Path.Combine(Environment.SystemDirectory, SystemLibrary);
        return OperatingSystem.IsWindows() && File.Exists(path)
            ? [new PlatformAnswer(SystemLibrary, FileVersionInfo.GetVersionInfo(path).FileVersion ?? "no version")]
            : [];
    }

    private static string Ask(GetCapability ask, uint code)
    {
        byte[] buffer = new byte[256];
        int result = ask(code, buffer, (uint)buffer.Length, out uint written);
        return result < 0 ? $"0x{result:X8}" : Convert.ToHexString(buffer, 0, (int)Math.Min(written, (uint)buffer.Length));
    }
}
