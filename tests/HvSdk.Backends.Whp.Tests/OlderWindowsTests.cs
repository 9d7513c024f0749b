using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Codes of capabilities and properties that an older Windows does not know, one at a time.</summary>
public sealed unsafe class OlderWindowsTests
{
    private const HypervisorFeatures Debugging =
        HypervisorFeatures.SingleStep | HypervisorFeatures.SoftwareBreakpoints | HypervisorFeatures.HardwareBreakpoints;

    private const HypervisorFeatures LocalApics =
        HypervisorFeatures.PerVcpuInterruptController | HypervisorFeatures.Msi | HypervisorFeatures.InterruptTriggers;

    /// <summary>A capability's code, and what is absent without it.</summary>
    public static TheoryData<int, HypervisorFeatures> Capabilities => new()
    {
        { (int)WHV_CAPABILITY_CODE.WHvCapabilityCodeFeatures, LocalApics | HypervisorFeatures.DirtyTracking },
        { (int)WHV_CAPABILITY_CODE.WHvCapabilityCodeExtendedVmExits, Debugging | HypervisorFeatures.RegisterExits | HypervisorFeatures.HypercallExits },
        { (int)WHV_CAPABILITY_CODE.WHvCapabilityCodeExceptionExitBitmap, Debugging },
        { (int)WHV_CAPABILITY_CODE.WHvCapabilityCodeX64MsrExitBitmap, HypervisorFeatures.RegisterExits },
        { (int)WHV_CAPABILITY_CODE.WHvCapabilityCodeProcessorClockFrequency, HypervisorFeatures.None },
    };

    [Theory]
    [MemberData(nameof(Capabilities))]
    public void Capability_Unknown_IsItsFeaturesAbsentAndTheirUseRefusedByName(int code, HypervisorFeatures absent)
    {
        using var platform = new FakePlatform();
        HypervisorFeatures all;
        using (Hypervisor newest = Hypervisor.Open(platform.CreateBackend()))
        {
            all = newest.Capabilities.Features;
        }

        Assert.True(platform.Capabilities.Remove((WHV_CAPABILITY_CODE)code));
        using Hypervisor hypervisor = Hypervisor.Open(platform.CreateBackend());

        Assert.Equal(all & ~absent, hypervisor.Capabilities.Features);
        foreach (HypervisorFeatures feature in Enum.GetValues<HypervisorFeatures>())
        {
            if (feature != HypervisorFeatures.None && absent.HasFlag(feature))
            {
                Assert.Contains(feature.ToString(), Assert.Throws<NotSupportedException>(() => hypervisor.Capabilities.Require(feature)).Message, StringComparison.Ordinal);
            }
        }

        using Partition partition = hypervisor.CreatePartition();
        partition.Memory.Map(0, 0x1000);
        using Vcpu vcpu = partition.CreateVcpu(0);
        platform.Partition.Processor.Script.Enqueue(static (_, _) => { });
        _ = vcpu.RunOnce();
    }

    [Theory]
    [InlineData((int)WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeLocalApicEmulationMode)]
    [InlineData((int)WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeExtendedVmExits)]
    [InlineData((int)WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeX64MsrExitBitmap)]
    public void Property_UnknownAndAsked_IsAnErrorThatNamesIt(int code)
    {
        using var platform = new FakePlatform();
        platform.UnknownProperties.Add((WHV_PARTITION_PROPERTY_CODE)code);

        HypervisorException e = Assert.Throws<HypervisorException>(() => new FakeMachine(platform, static options =>
        {
            options.InterruptController = InterruptControllerMode.PerVcpu;
            options.X64.ExitOnUnknownMsr = true;
        }));

        Assert.Equal($"WHvSetPartitionProperty({(WHV_PARTITION_PROPERTY_CODE)code})", e.Operation);
        Assert.Contains("WHV_E_UNKNOWN_PROPERTY (0x80370302)", e.Reason, StringComparison.Ordinal);
        Assert.Empty(platform.Partitions);
    }

    /// <summary>Without it there is no partition at all, which the probe finds.</summary>
    [Fact]
    public void ProcessorCount_Unknown_IsWhatTheProbeSays()
    {
        using var platform = new FakePlatform();
        platform.UnknownProperties.Add(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount);

        BackendProbe probe = platform.CreateBackend().Probe();

        Assert.Equal(
            "WHvSetPartitionProperty(WHvPartitionPropertyCodeProcessorCount) failed: WHV_E_UNKNOWN_PROPERTY (0x80370302): this Windows does not know the property.",
            probe.Reason);
        Assert.Empty(platform.Partitions);
    }

    [Fact]
    public void ExceptionBitmap_Unknown_IsAnErrorOfSetDebugAndTheVcpuRunsOn()
    {
        using var platform = new FakePlatform();
        platform.UnknownProperties.Add(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeExceptionExitBitmap);
        using var machine = new FakeMachine(platform);
        machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        HypervisorException e = Assert.Throws<HypervisorException>(() => machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true }));

        Assert.Contains("WHvPartitionPropertyCodeExceptionExitBitmap", e.Operation, StringComparison.Ordinal);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);
    }

    /// <summary>What nobody asked for is not set, so that a Windows which does not know it makes the partition all the same.</summary>
    [Fact]
    public void Properties_NotAskedFor_NeedNotBeKnown()
    {
        using var platform = new FakePlatform();
        platform.UnknownProperties.UnionWith(Enum.GetValues<WHV_PARTITION_PROPERTY_CODE>());
        platform.UnknownProperties.Remove(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount);
        platform.Capabilities.Remove(WHV_CAPABILITY_CODE.WHvCapabilityCodeExtendedVmExits);

        using var machine = new FakeMachine(platform);

        Assert.Equal([WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount], platform.Partition.Properties.Keys);
    }

    /// <summary>A state that the platform rejects is an error, and the vCPU is as usable as before.</summary>
    [Theory]
    [InlineData(HRESULTS.ERROR_HV_INVALID_VP_STATE)]
    [InlineData(HRESULTS.ERROR_HV_INVALID_PARAMETER)]
    public void State_ThatThePlatformRejects_IsAnErrorAndTheVcpuRunsOn(int code)
    {
        using var machine = new FakeMachine();
        X64Vcpu x64 = machine.Vcpu.X64;
        X64VcpuState state = x64.SaveState();
        Action[] loads =
        [
            () => x64.SetRegisters(new X64Registers()), () => x64.SetSpecialRegisters(x64.GetSpecialRegisters() with { Cr0 = 0x8000_0000 }),
            () => x64.SetDebugRegisters(new X64DebugRegisters()), () => x64.SetXcrs(new X64XcrValue(0, 1)), () => x64.SetMsr(X64MsrIndex.Efer, ulong.MaxValue),
            () => x64.LoadState(state),
        ];
        foreach (Action load in loads)
        {
            machine.Platform.Results[nameof(WhvFunctions.WHvSetVirtualProcessorRegisters)] = code;
            HypervisorException e = Assert.Throws<HypervisorException>(load);
            machine.Platform.Results.Clear();
            Assert.StartsWith(nameof(WhvFunctions.WHvSetVirtualProcessorRegisters), e.Operation, StringComparison.Ordinal);
            Assert.Equal(code, e.NativeErrorCode);
            machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
            Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);
        }

        x64.LoadState(state);
    }

}
