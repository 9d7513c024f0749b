using System.Runtime.InteropServices;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf.Tests;

/// <summary>What is said where the framework cannot be used, and what of it is optional.</summary>
public sealed class ProbeTests
{
    [Fact]
    public void Probe_FrameworkThatWorks_IsAvailableAndLeavesNothing()
    {
        using FakeFramework framework = new();
        BackendProbe probe = framework.CreateBackend().Probe();
        Assert.True(probe.IsAvailable, probe.ToString());
    }

    [Theory]
    [InlineData(HvReturn.HV_DENIED, "HV_DENIED (0xFAE94007): the process may not", "entitlement com.apple.security.hypervisor")]
    [InlineData(HvReturn.HV_UNSUPPORTED, "HV_UNSUPPORTED (0xFAE9400F)", "Apple silicon")]
    [InlineData(HvReturn.HV_NO_RESOURCES, "HV_NO_RESOURCES (0xFAE94005)", "free some on the host")]
    [InlineData((HvReturn)(-5), "hv_return_t 0xFFFFFFFB", "")]
    internal void Probe_CreateRefused_SaysWhyAndWhatToDo(HvReturn result, string reason, string remedy)
    {
        using FakeFramework framework = new();
        framework.Results[nameof(HvFunctions.hv_vm_create)] = result;
        BackendProbe probe = framework.CreateBackend().Probe();
        Assert.False(probe.IsAvailable);
        Assert.Contains(reason, probe.Reason, StringComparison.Ordinal);
        Assert.Contains(remedy, probe.Remedy, StringComparison.Ordinal);
        Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open(framework.CreateBackend()));
    }

    [Fact]
    public void Probe_MachineWithoutSupport_SaysSo()
    {
        using FakeFramework framework = new();
        framework.SystemNumbers["kern.hv_support"] = 0;
        Assert.Contains("kern.hv_support is 0", framework.CreateBackend().Probe().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Probe_RequiredFunctionMissing_IsNamed()
    {
        using FakeFramework framework = new();
        framework.Missing.Add(nameof(HvFunctions.hv_vcpu_run));
        Assert.Contains("lacks hv_vcpu_run.", framework.CreateBackend().Probe().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void CheckSystem_OtherSystemOrProcessor_IsRefusedInWords()
    {
        HvfBackendOptions options = new();
        Assert.Contains("belongs to macOS", HvfProbe.CheckSystem(options, isMac: false, Architecture.Arm64)!.Reason, StringComparison.Ordinal);
        Assert.Contains("under Rosetta there is no hypervisor", HvfProbe.CheckSystem(options, isMac: true, Architecture.X64)!.Remedy, StringComparison.Ordinal);
        Assert.Null(HvfProbe.CheckSystem(options, isMac: true, Architecture.Arm64));
        Assert.Null(HvfProbe.CheckSystem(new() { LibraryPath = "x" }, isMac: false, Architecture.X64));
        Assert.Throws<ArgumentException>(() => new HvfBackend(new HvfBackendOptions { LibraryPath = "" }));
    }

    [Fact]
    public void Probe_LibraryMissing_QuotesTheLoader()
    {
        BackendProbe probe = new HvfBackend(new HvfBackendOptions { LibraryPath = "/nowhere/libnothing.so" }).Probe();
        Assert.StartsWith("/nowhere/libnothing.so cannot be loaded: ", probe.Reason, StringComparison.Ordinal);
        Assert.Equal("Name a library that holds the framework's functions.", probe.Remedy);
    }

    [Fact]
    public void Capabilities_OldMacOs_LackWhatItLacks()
    {
        using FakeFramework framework = new();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        HypervisorCapabilities capabilities = hypervisor.Capabilities;
        Assert.Equal((36, 16384, 4, 4, 0), (
            capabilities.GuestPhysicalAddressBits, capabilities.PageSize, capabilities.MaxVcpus, capabilities.MaxHardwareBreakpoints, capabilities.InterruptLineCount));
        Assert.False(capabilities.Supports(HypervisorFeatures.FullInterruptController));
        Assert.Throws<NotSupportedException>(() => hypervisor.CreatePartition(new() { InterruptController = InterruptControllerMode.Full }));
        Assert.Equal(24_000_000, hypervisor.Arm64.CounterFrequency);
        framework.SystemNumbers.Remove("hw.tbfrequency");
        using Hypervisor older = Hypervisor.Open(framework.CreateBackend());
        Assert.Equal(24_000_000, older.Arm64.CounterFrequency);
    }
}
