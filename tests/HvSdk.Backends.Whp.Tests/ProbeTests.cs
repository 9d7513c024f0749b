using System.Runtime.InteropServices;
using HvSdk.Backends;
using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;
using Microsoft.Extensions.DependencyInjection;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>What is said where the platform cannot be used, word for word.</summary>
public sealed class ProbeTests
{
    private const string Feature = "Windows Hypervisor Platform";

    public static TheoryData<string> RequiredExports =>
    [
        nameof(WhvFunctions.WHvGetCapability), nameof(WhvFunctions.WHvCreatePartition), nameof(WhvFunctions.WHvSetupPartition),
        nameof(WhvFunctions.WHvDeletePartition), nameof(WhvFunctions.WHvSetPartitionProperty), nameof(WhvFunctions.WHvMapGpaRange),
        nameof(WhvFunctions.WHvUnmapGpaRange), nameof(WhvFunctions.WHvCreateVirtualProcessor), nameof(WhvFunctions.WHvDeleteVirtualProcessor),
        nameof(WhvFunctions.WHvRunVirtualProcessor), nameof(WhvFunctions.WHvCancelRunVirtualProcessor),
        nameof(WhvFunctions.WHvGetVirtualProcessorRegisters), nameof(WhvFunctions.WHvSetVirtualProcessorRegisters),
    ];

    [Fact]
    public void Probe_OtherSystem_NamesIt()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "This is Windows.");
        BackendProbe probe = WhpBackend.Instance.Probe();

        Assert.False(probe.IsAvailable);
        Assert.Equal($"The Windows Hypervisor Platform belongs to Windows; this is {RuntimeInformation.OSDescription}.", probe.Reason);
        Assert.Equal("Use the backend of this system.", probe.Remedy);
        HypervisorUnavailableException e = Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open(WhpBackend.Instance));
        Assert.Contains(probe.Reason, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Architecture.X86, "Build the application for x64.")]
    [InlineData(Architecture.Arm64, "Use a machine with an x86-64 processor.")]
    public void CheckSystem_OtherArchitecture_NamesIt(Architecture architecture, string remedy)
    {
        BackendProbe probe = WhpProbe.CheckSystem(new WhpBackendOptions(), isWindows: true, architecture)!;

        Assert.Equal($"This backend runs x86-64 guests in x86-64 processes; this process is {architecture}.", probe.Reason);
        Assert.Equal(remedy, probe.Remedy);
    }

    [Fact]
    public void CheckSystem_Windows_Fits() => Assert.Null(WhpProbe.CheckSystem(new WhpBackendOptions(), isWindows: true, Architecture.X64));

    [Fact]
    public void CannotLoad_LibraryOfWindows_NamesTheFeatureAndHowToEnableIt()
    {
        BackendProbe probe = WhpProbe.CannotLoad(new WhpBackendOptions(), "Unable to load DLL 'WinHvPlatform.dll' (0x8007007E)\nmore");

        Assert.Equal("WinHvPlatform.dll is not there (Unable to load DLL 'WinHvPlatform.dll' (0x8007007E)): the Windows Hypervisor Platform is off.", probe.Reason);
        Assert.Contains(Feature, probe.Remedy, StringComparison.Ordinal);
        Assert.Contains("dism /Online /Enable-Feature /FeatureName:HypervisorPlatform", probe.Remedy, StringComparison.Ordinal);
        Assert.Contains("Enable-WindowsOptionalFeature -Online -FeatureName HypervisorPlatform", probe.Remedy, StringComparison.Ordinal);
        Assert.Contains("1803", probe.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Probe_LibraryThatIsMissing_NamesIt()
    {
        BackendProbe probe = new WhpBackend(new WhpBackendOptions { LibraryPath = "/there/is/no/library.so" }).Probe();

        Assert.StartsWith("/there/is/no/library.so cannot be loaded: ", probe.Reason, StringComparison.Ordinal);
        Assert.Equal("Name a library that holds the platform's functions.", probe.Remedy);
    }

    [Fact]
    public void Probe_LibraryOfSomethingElse_NamesWhatItLacks()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The library is one of Linux.");
        BackendProbe probe = new WhpBackend(new WhpBackendOptions { LibraryPath = "libc.so.6" }).Probe();

        Assert.StartsWith("libc.so.6 lacks WHvGetCapability, WHvCreatePartition, ", probe.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(RequiredExports))]
    public void Probe_RequiredExportMissing_NamesItAndTheWindows(string export)
    {
        using var platform = new FakePlatform();
        platform.Missing.Add(export);

        BackendProbe probe = platform.CreateBackend().Probe();

        Assert.Equal($"WinHvPlatform.dll lacks {export}.", probe.Reason);
        Assert.Equal("Update to Windows 10 or Windows Server, version 1803 or later.", probe.Remedy);
        Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open(platform.CreateBackend()));
    }

    [Fact]
    public void Probe_NoHypervisorRunning_SaysWhatToSwitchOn()
    {
        using var platform = new FakePlatform();
        platform.Capabilities[WHV_CAPABILITY_CODE.WHvCapabilityCodeHypervisorPresent] = 0;

        BackendProbe probe = platform.CreateBackend().Probe();

        Assert.Equal("WinHvPlatform.dll is there, and no hypervisor is running under Windows.", probe.Reason);
        Assert.Contains("firmware", probe.Remedy, StringComparison.Ordinal);
        Assert.Contains(Feature, probe.Remedy, StringComparison.Ordinal);
        Assert.Contains("hypervisorlaunchtype auto", probe.Remedy, StringComparison.Ordinal);
        Assert.Contains("ExposeVirtualizationExtensions", probe.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(WhvFunctions.WHvGetCapability), HRESULTS.ERROR_HV_NOT_PRESENT, "WHvGetCapability failed: ERROR_HV_NOT_PRESENT (0xC0351000): no hypervisor is running.", Feature)]
    [InlineData(nameof(WhvFunctions.WHvCreatePartition), HRESULTS.E_ACCESSDENIED, "WHvCreatePartition failed: E_ACCESSDENIED (0x80070005): access denied.", "Hyper-V Administrators")]
    [InlineData(nameof(WhvFunctions.WHvCreatePartition), HRESULTS.NO_SYSTEM_RESOURCES, "WHvCreatePartition failed: ERROR_NO_SYSTEM_RESOURCES (0x800705AA): ", "memory")]
    [InlineData(nameof(WhvFunctions.WHvSetupPartition), HRESULTS.WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG, "WHvSetupPartition failed: WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG (0x80370303): ", Feature)]
    [InlineData(nameof(WhvFunctions.WHvSetupPartition), 1 << 31, "WHvSetupPartition failed: HRESULT 0x80000000.", "firmware")]
    public void Probe_PlatformThatRefuses_SaysWhyAndWhatToDo(string function, int result, string reason, string remedy)
    {
        using var platform = new FakePlatform();
        platform.Results[function] = result;

        BackendProbe probe = platform.CreateBackend().Probe();

        Assert.StartsWith(reason, probe.Reason, StringComparison.Ordinal);
        Assert.Contains(remedy, probe.Remedy, StringComparison.Ordinal);
        Assert.Empty(platform.Partitions);
    }

    [Fact]
    public void Probe_PlatformThatWorks_IsAvailableAndLeavesNothing()
    {
        using var platform = new FakePlatform();

        BackendProbe probe = platform.CreateBackend().Probe();

        Assert.True(probe.IsAvailable, probe.ToString());
        Assert.StartsWith("whp, ", probe.Reason, StringComparison.Ordinal);
        Assert.Empty(platform.Partitions);
    }

    [Fact]
    public void Options_EmptyPath_IsRefused() => Assert.Throws<ArgumentException>(() => new WhpBackend(new WhpBackendOptions { LibraryPath = "" }));

    [Fact]
    public void AddWhp_WithOptions_AddsTheBackend()
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddHvSdk().AddWhp(static options => options.LibraryPath = "/nowhere.so");
        using ServiceProvider provider = services.BuildServiceProvider();

        HypervisorBackend backend = Assert.Single(provider.GetServices<HypervisorBackend>());
        Assert.Contains("/nowhere.so", backend.Probe().Reason, StringComparison.Ordinal);
    }
}
