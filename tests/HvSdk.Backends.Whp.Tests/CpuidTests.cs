using System.Runtime.InteropServices;
using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>The CPUID table, given in each of the ways that versions of Windows take.</summary>
public sealed unsafe class CpuidTests
{
    private const uint HypervisorLeaf = 0x4000_0000;

    [Fact]
    public void Cpuid_NotConfigured_SetsNothing()
    {
        using var machine = new FakeMachine();

        Assert.DoesNotContain(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList2, machine.Platform.Partition.Properties.Keys);
    }

    [Fact]
    public void Cpuid_ConfiguredOnANewWindows_IsAListOfTheChanges()
    {
        using var machine = new FakeMachine(configure: Change);

        WHV_X64_CPUID_RESULT2[] list = MemoryMarshal.Cast<byte, WHV_X64_CPUID_RESULT2>(
            machine.Platform.Partition.Properties[WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList2]).ToArray();

        Assert.Equal([1U, HypervisorLeaf], list.Select(static entry => entry.Function));
        Assert.Equal(0x00FF_FFFFU, list[0].Mask.Ebx); // the local APIC's ID is the platform's
        Assert.Equal(0x1234U, list[1].Output.Eax);
        Assert.Equal(uint.MaxValue, list[1].Mask.Eax);
    }

    [Fact]
    public void Cpuid_ConfiguredWithoutTheList_LeavesAndIsAnsweredFromTheTable()
    {
        using var platform = new FakePlatform();
        platform.UnknownProperties.Add(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList2);
        using var machine = new FakeMachine(platform, Change);
        uint[] leaves = MemoryMarshal.Cast<byte, uint>(platform.Partition.Properties[WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidExitList]).ToArray();
        Assert.Equal([1U, HypervisorLeaf], leaves);
        machine.Load(0x1000, 0x0F, 0xA2);
        machine.Then(static (_, exit) =>
        {
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Cpuid;
            exit->VpContext.InstructionLength = 2;
            exit->CpuidAccess = new WHV_X64_CPUID_ACCESS_CONTEXT { Rax = 1, DefaultResultRbx = 0x0500_0000, DefaultResultRcx = 1 << 27 };
        }).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal(0x0500_0BCDUL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRbx]); // the ID of the platform, the rest of the table
        Assert.Equal(1UL << 27, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRcx]); // OSXSAVE follows CR4
        Assert.Equal(0x1002UL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRip]);
    }

    [Fact]
    public void Cpuid_ConfiguredOnTheOldestWindows_IsTheOldList()
    {
        using var platform = new FakePlatform();
        platform.UnknownProperties.Add(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList2);
        platform.Capabilities.Remove(WHV_CAPABILITY_CODE.WHvCapabilityCodeExtendedVmExits);
        using var machine = new FakeMachine(platform, Change);

        WHV_X64_CPUID_RESULT[] list = MemoryMarshal.Cast<byte, WHV_X64_CPUID_RESULT>(
            platform.Partition.Properties[WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList]).ToArray();
        Assert.Equal([1U, HypervisorLeaf], list.Select(static entry => entry.Function));
    }

    [Fact]
    public void Cpuid_SubleafOnTheOldestWindows_IsRefusedInWords()
    {
        using var platform = new FakePlatform();
        platform.UnknownProperties.Add(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList2);
        platform.Capabilities.Remove(WHV_CAPABILITY_CODE.WHvCapabilityCodeExtendedVmExits);

        HypervisorException e = Assert.Throws<HypervisorException>(() => new FakeMachine(
            platform, static options => options.X64.ConfigureCpuid = static table => table.Set(new X64CpuidEntry(0x4000_0001, 3, 1, 2, 3, 4))));

        Assert.Contains("leaf 0x40000001", e.Message, StringComparison.Ordinal);
        Assert.Empty(platform.Partitions);
    }

    private static void Change(PartitionOptions options) => options.X64.ConfigureCpuid = static table =>
    {
        table.Set(new X64CpuidEntry(1, null, 1, 0xBCD, 0, 1));
        table.Set(new X64CpuidEntry(HypervisorLeaf, null, 0x1234, 0, 0, 0));
    };
}
