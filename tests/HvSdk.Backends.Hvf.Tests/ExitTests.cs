using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf.Tests;

/// <summary>Exits that the stand-in does not make, and what the backend asks of the framework.</summary>
public sealed class ExitTests
{
    [Fact]
    public void Exit_UnknownReason_IsAValueWithTheHostsNumber()
    {
        Assert.Equal("Unknown (host's number 3 = 0x3)", Run(static framework => framework.Exit(HvExitReason.HV_EXIT_REASON_UNKNOWN)));
        Assert.Equal("Unknown (host's number 99 = 0x63)", Run(static framework => framework.Exit((HvExitReason)99)));
    }

    /// <summary>Class 0x07, a trapped SIMD instruction: nobody here gives it a meaning.</summary>
    [Fact]
    public void Exit_UnknownClass_IsAValueWithItsNumber() =>
        Assert.Equal("Unknown (host's number 7 = 0x7)", Run(static framework => framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, 0x07UL << 26)));

    [Fact]
    public void Run_Refused_IsAValue() => Assert.StartsWith(
        "HostFailure", Run(static framework => framework.Results[nameof(HvFunctions.hv_vcpu_run)] = HvReturn.HV_ILLEGAL_GUEST_STATE), StringComparison.Ordinal);

    /// <summary>The walk of the guest's own tables leads to where no memory is; so does the maintenance of caches.</summary>
    [Theory]
    [InlineData(1UL << 7)]
    [InlineData(1UL << 8)]
    public void Abort_ThatNoDeviceCanAnswer_IsAMemoryFault(ulong bit) => Assert.Equal(
        "MemoryFault GPA 0x9000", Run(framework => framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, (0x24UL << 26) | bit, 0x9000)));

    [Fact]
    public void Abort_WhereTheInstructionCannotBeRead_IsAnEmulationFailure() => Assert.StartsWith(
        "EmulationFailure, the host gives no instruction bytes",
        Run(static framework => framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, 0x24UL << 26, 0x9000)),
        StringComparison.Ordinal);

    [Fact]
    public void Cancel_NobodyAsked_IsSeenThrough()
    {
        using FakeFramework framework = new();
        for (int i = 0; i < 5; i++)
        {
            framework.Exit(HvExitReason.HV_EXIT_REASON_CANCELED);
        }

        framework.Exit(HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED);
        Assert.Equal("Timer", Run(framework));
    }

    [Fact]
    public void Input_Asserted_IsGivenToEachRun()
    {
        using FakeFramework framework = new();
        framework.Exit(HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED);
        framework.Exit(HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED);
        framework.Exit(HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED);
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        using Partition partition = hypervisor.CreatePartition();
        using Vcpu vcpu = partition.CreateVcpu(0);
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);
        vcpu.RunOnce();
        vcpu.RunOnce();
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, false);
        vcpu.RunOnce();
        Assert.Equal([HvInterruptType.HV_INTERRUPT_TYPE_IRQ, HvInterruptType.HV_INTERRUPT_TYPE_IRQ], framework.Pending);
        Assert.Equal(2000UL, Assert.Single(vcpu.ReadHostStatistics()).Value);
    }

    [Fact]
    public void Create_EachCallRefused_LeavesNothingBehind()
    {
        foreach (string function in (string[])[nameof(HvFunctions.hv_vcpu_create), nameof(HvFunctions.hv_vcpu_set_reg), nameof(HvFunctions.hv_vcpu_set_sys_reg)])
        {
            using FakeFramework framework = new();
            using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
            using Partition partition = hypervisor.CreatePartition();
            framework.Results[function] = HvReturn.HV_ERROR;
            HypervisorException e = Assert.Throws<HypervisorException>(() => partition.CreateVcpu(0));
            Assert.Contains("HV_ERROR (0xFAE94001): the framework gives no reason", e.Message, StringComparison.Ordinal);
            framework.Results.Clear();
            Assert.False(framework.HasVcpu);
        }
    }

    [Fact]
    public void Map_Refused_ReachesTheCallerAndMapsNothing()
    {
        using FakeFramework framework = new();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        using Partition partition = hypervisor.CreatePartition();
        framework.Results[nameof(HvFunctions.hv_vm_map)] = HvReturn.HV_NO_RESOURCES;
        Assert.Throws<HypervisorException>(() => partition.Memory.Map(0, 0x4000));
        framework.Results.Clear();
        partition.Memory.Map(0, 0x4000, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        partition.Memory.Map(0x4000, 0x4000);
        Assert.Equal(
            [HvMemoryFlags.HV_MEMORY_READ | HvMemoryFlags.HV_MEMORY_EXEC, HvMemoryFlags.HV_MEMORY_READ | HvMemoryFlags.HV_MEMORY_WRITE | HvMemoryFlags.HV_MEMORY_EXEC],
            framework.Maps.OrderBy(static map => map.Key).Select(static map => map.Value));
        Assert.Throws<ArgumentException>(() => partition.Memory.Map(0x9000, 0x4000));
    }

    [Fact]
    public void Rounds_TenThousand_LeaveNothingBehind()
    {
        using FakeFramework framework = new();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        for (int i = 0; i < 10_000; i++)
        {
            using Partition partition = hypervisor.CreatePartition();
            using Vcpu vcpu = partition.CreateVcpu(0);
        }

        Assert.Empty(framework.Maps);
    }

    private static string Run(Action<FakeFramework> script)
    {
        using FakeFramework framework = new();
        script(framework);
        return Run(framework);
    }

    private static string Run(FakeFramework framework)
    {
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        using Partition partition = hypervisor.CreatePartition();
        using Vcpu vcpu = partition.CreateVcpu(0);
        return vcpu.Run(TestContext.Current.CancellationToken).ToString();
    }
}
