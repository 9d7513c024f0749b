using System.Runtime.InteropServices;
using System.Text;
using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;
using HvSdk.Live;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>docs/backends.md shows what the probe says where the platform is absent; HVSDK_UPDATE=1 rewrites it.</summary>
public sealed class ProbeDocumentTests
{
    internal const string StartHypervisor =
        "Switch virtualization on in the firmware (Intel VT-x or AMD-V, with second-level address translation). " +
        "Enable the Windows feature \"Windows Hypervisor Platform\" (as administrator: dism /Online /Enable-Feature /FeatureName:HypervisorPlatform /All, " +
        "or in PowerShell: Enable-WindowsOptionalFeature -Online -FeatureName HypervisorPlatform -All), and restart Windows. " +
        "Where the feature is on already: bcdedit /set hypervisorlaunchtype auto, and restart. " +
        "In a virtual machine, allow nested virtualization on its host (Hyper-V: Set-VMProcessor -ExposeVirtualizationExtensions $true).";

    private const string Begin = "<!-- whp-probe: written by HvSdk.Backends.Whp.Tests with HVSDK_UPDATE=1 -->";
    private const string End = "<!-- /whp-probe -->";

    // What Windows' loader says where a library is missing.
    private const string NotFound = "Unable to load DLL 'WinHvPlatform.dll' or one of its dependencies: The specified module could not be found. (0x8007007E)";

    [Fact]
    public void Table_InDocument_IsWhatTheProbeSays()
    {
        string path = Path.Combine(SourceTree.Root, "docs", "backends.md");
        string document = File.ReadAllText(path);
        int begin = document.IndexOf(Begin, StringComparison.Ordinal);
        int end = document.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin, $"docs/backends.md lacks the lines that the table stands between: {Begin} and {End}");
        string expected = document[..begin] + Begin + "\n" + Format() + document[end..];
        if (Environment.GetEnvironmentVariable("HVSDK_UPDATE") == "1")
        {
            File.WriteAllText(path, expected);
            return;
        }

        Assert.Equal(expected, document);
    }

    private static string Format()
    {
        var text = new StringBuilder("| where | reason | remedy |\n| --- | --- | --- |\n");
        void Line(string where, BackendProbe probe) => text.Append(null, $"| {where} | {probe.Reason.Replace(RuntimeInformation.OSDescription, "(the system)", StringComparison.Ordinal)} | {probe.Remedy} |\n");

        var options = new WhpBackendOptions();
        Line("another system", WhpProbe.CheckSystem(options, isWindows: false, Architecture.X64)!);
        Line("a process of 32 bits", WhpProbe.CheckSystem(options, isWindows: true, Architecture.X86)!);
        Line("another processor", WhpProbe.CheckSystem(options, isWindows: true, Architecture.Arm64)!);
        Line("the feature is off: there is no WinHvPlatform.dll", WhpProbe.CannotLoad(options, NotFound));
        Line("Windows is too old", Probe(static platform => platform.Missing.Add(nameof(WhvFunctions.WHvSetupPartition))));
        Line("no hypervisor runs", Probe(static platform => platform.Capabilities[WHV_CAPABILITY_CODE.WHvCapabilityCodeHypervisorPresent] = 0));
        Line("it says so only when asked", Probe(static platform => platform.Results[nameof(WhvFunctions.WHvGetCapability)] = HRESULTS.ERROR_HV_NOT_PRESENT));
        Line("no right to use it", Probe(static platform => platform.Results[nameof(WhvFunctions.WHvCreatePartition)] = HRESULTS.E_ACCESSDENIED));
        Line("no resources", Probe(static platform => platform.Results[nameof(WhvFunctions.WHvCreatePartition)] = HRESULTS.NO_SYSTEM_RESOURCES));
        Line(
            "the hypervisor is one that the platform does not work with",
            Probe(static platform => platform.Results[nameof(WhvFunctions.WHvSetupPartition)] = HRESULTS.WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG));
        return text.ToString();
    }

    private static BackendProbe Probe(Action<FakePlatform> spoil)
    {
        using var platform = new FakePlatform();
        spoil(platform);
        BackendProbe probe = platform.CreateBackend().Probe();
        Assert.False(probe.IsAvailable, probe.ToString());
        return probe;
    }
}
