using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>What an older Windows lacks is a feature that is absent, or another way; never a crash.</summary>
public sealed class OptionalExportTests
{
    public static TheoryData<string, HypervisorFeatures> Exports => new()
    {
        { nameof(WhvFunctions.WHvSuspendPartitionTime), HypervisorFeatures.None },
        { nameof(WhvFunctions.WHvRequestInterrupt), HypervisorFeatures.PerVcpuInterruptController | HypervisorFeatures.Msi | HypervisorFeatures.InterruptTriggers },
        { nameof(WhvFunctions.WHvQueryGpaRangeDirtyBitmap), HypervisorFeatures.DirtyTracking },
        { nameof(WhvFunctions.WHvGetVirtualProcessorXsaveState), HypervisorFeatures.None },
        { nameof(WhvFunctions.WHvSetVirtualProcessorXsaveState), HypervisorFeatures.None },
        { nameof(WhvFunctions.WHvGetPartitionCounters), HypervisorFeatures.HostStatistics },
        { nameof(WhvFunctions.WHvGetVirtualProcessorCounters), HypervisorFeatures.HostStatistics },
        { nameof(WhvFunctions.WHvGetVirtualProcessorInterruptControllerState2), HypervisorFeatures.StateTransfer },
        { nameof(WhvFunctions.WHvSetVirtualProcessorInterruptControllerState2), HypervisorFeatures.StateTransfer },
        { nameof(WhvFunctions.WHvRegisterPartitionDoorbellEvent), HypervisorFeatures.HostDoorbells },
        { nameof(WhvFunctions.WHvUnregisterPartitionDoorbellEvent), HypervisorFeatures.HostDoorbells },
        { nameof(WhvFunctions.WHvAdviseGpaRange), HypervisorFeatures.None },
        { nameof(WhvFunctions.WHvGetVirtualProcessorCpuidOutput), HypervisorFeatures.None },
        { nameof(WhvFunctions.WHvGetInterruptTargetVpSet), HypervisorFeatures.None },
    };

    private static readonly HypervisorFeatures s_all = HypervisorFeatures.ReadOnlyMemory | HypervisorFeatures.DirtyTracking
        | HypervisorFeatures.PerVcpuInterruptController | HypervisorFeatures.Msi | HypervisorFeatures.InterruptTriggers | HypervisorFeatures.HostDoorbells
        | HypervisorFeatures.SingleStep | HypervisorFeatures.SoftwareBreakpoints | HypervisorFeatures.HardwareBreakpoints | HypervisorFeatures.RegisterExits
        | HypervisorFeatures.HypercallExits | HypervisorFeatures.StateTransfer | HypervisorFeatures.HostStatistics;

    [Fact]
    public void Features_OfTheNewestWindows_AreAllOfThem()
    {
        using var machine = new FakeMachine();

        Assert.Equal(s_all, machine.Hypervisor.Capabilities.Features);
        Assert.Equal(64, machine.Hypervisor.Capabilities.MaxVcpus); // what the fake takes
        Assert.Equal(4, machine.Hypervisor.Capabilities.MaxHardwareBreakpoints);
    }

    [Theory]
    [MemberData(nameof(Exports))]
    public void Export_Missing_IsAFeatureAbsentAndNothingElse(string export, HypervisorFeatures absent)
    {
        using var platform = new FakePlatform();
        platform.Missing.Add(export);

        Exercise(platform, s_all & ~absent);
    }

    [Fact]
    public void Exports_AllMissing_LeaveWhatWindows1803Has()
    {
        using var platform = new FakePlatform();
        foreach (TheoryDataRow<string, HypervisorFeatures> export in Exports)
        {
            platform.Missing.Add(export.Data.Item1);
        }

        Exercise(platform, HypervisorFeatures.ReadOnlyMemory | HypervisorFeatures.SingleStep | HypervisorFeatures.SoftwareBreakpoints
            | HypervisorFeatures.HardwareBreakpoints | HypervisorFeatures.RegisterExits | HypervisorFeatures.HypercallExits | HypervisorFeatures.StateTransfer);
    }

    [Fact]
    public void Capabilities_UnknownToAnOlderWindows_AreAbsent()
    {
        using var platform = new FakePlatform();
        platform.Capabilities.Clear();
        platform.Capabilities[WHV_CAPABILITY_CODE.WHvCapabilityCodeHypervisorPresent] = 1;

        Exercise(platform, HypervisorFeatures.ReadOnlyMemory | HypervisorFeatures.HostDoorbells | HypervisorFeatures.StateTransfer | HypervisorFeatures.HostStatistics);
    }

    /// <summary>Opens, and does what the features allow; what they do not is refused by name.</summary>
    private static void Exercise(FakePlatform platform, HypervisorFeatures expected)
    {
        using var machine = new FakeMachine(platform);
        Assert.Equal(expected, machine.Hypervisor.Capabilities.Features);
        X64Vcpu x64 = machine.Vcpu.X64;
        _ = x64.GetXsave();
        x64.SetXsave(x64.GetXsave());
        _ = x64.GetCpuid();
        _ = machine.Hypervisor.X64.GetSupportedCpuid();
        _ = machine.Hypervisor.X64.GetMsrIndexes();
        _ = machine.Vcpu.ReadHostStatistics();
        _ = machine.Partition.ReadHostStatistics();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(0xD000_0000));
        machine.ThenMemory(0x3000, isUnmapped: false).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
        machine.Load(0x1000, 0x90);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);
        if (expected.HasFlag(HypervisorFeatures.StateTransfer))
        {
            x64.LoadState(x64.SaveState());
        }
        else
        {
            Assert.Contains("StateTransfer", Assert.Throws<NotSupportedException>(() => x64.SaveState()).Message, StringComparison.Ordinal);
        }
    }
}
