using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>What is made, in which order, with which numbers.</summary>
public sealed class CreationTests
{
    private const uint Psci = 1 << KVM_ARM64.KVM_ARM_VCPU_PSCI_0_2;
    private const uint PowerOff = 1 << KVM_ARM64.KVM_ARM_VCPU_POWER_OFF;
    private const uint Authentication = (1 << KVM_ARM64.KVM_ARM_VCPU_PTRAUTH_ADDRESS) | (1 << KVM_ARM64.KVM_ARM_VCPU_PTRAUTH_GENERIC);

    [Fact]
    public void Partition_OwnInterrupts_MakesEachVcpuWhenItIsAskedFor()
    {
        using FakeTest test = new(static options => options.MaxVcpus = 3);
        Assert.Equal(48, test.Kvm.Machine.Type);
        using Vcpu second = test.Partition.CreateVcpu(1);
        using Vcpu first = test.Partition.CreateVcpu(0);
        Assert.Equal(["vCPU 1", "vCPU 0"], test.Kvm.Machine.Made);
        Assert.Equal((Psci, Psci | PowerOff), (test.Vcpu().Features, test.Vcpu(1).Features));
        Assert.Equal((Arm64PowerState.On, Arm64PowerState.Off), (first.Arm64.PowerState, second.Arm64.PowerState));
    }

    /// <summary>GIC, its numbers and places, all vCPUs, and only then its end.</summary>
    [Fact]
    public void Partition_HostsGic_MakesAllBeforeTheGicIsComplete()
    {
        using FakeTest test = new(static options =>
        {
            FakeTest.Full(options);
            options.MaxVcpus = 2;
        });
        Assert.Empty(test.Kvm.Machine.Made);
        using Vcpu second = test.Partition.CreateVcpu(1);
        Assert.Equal(
            ["GIC", "3.0 = 0x120", "0.2 = 0x8000000", $"0.5 = 0x{0x080A_0000 | (2UL << 52):X}", "vCPU 0", "vCPU 1", "INIT"], test.Kvm.Machine.Made);
        using Vcpu first = test.Partition.CreateVcpu(0);
        Assert.Equal(2, test.Kvm.Machine.Vcpus.Count);
    }

    [Fact]
    public void Partition_KernelWithoutRegions_GetsOneAddress()
    {
        using FakeTest test = new(FakeTest.Full, new FakeKvm { HasRegions = false });
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        Assert.Contains("0.3 = 0x80A0000", test.Kvm.Machine.Made);
    }

    [Fact]
    public void Vcpu_PointerAuthentication_ComesWhereBothKindsAreOffered()
    {
        var kvm = new FakeKvm();
        kvm.Capabilities[KVM_ARM64.KVM_CAP_ARM_PTRAUTH_ADDRESS] = 1;
        using (FakeTest one = new(kvm: kvm))
        {
            using Vcpu vcpu = one.Partition.CreateVcpu(0);
            Assert.Equal(Psci, one.Vcpu().Features);
        }

        kvm.Capabilities[KVM_ARM64.KVM_CAP_ARM_PTRAUTH_GENERIC] = 1;
        using FakeTest both = new(kvm: kvm);
        using Vcpu second = both.Partition.CreateVcpu(0);
        Assert.Equal(Psci | Authentication, both.Vcpu().Features);
    }

    /// <summary>Every call but those of the architecture, which the kernel lets nobody have, and of PSCI where it is the kernel's.</summary>
    [Theory]
    [InlineData(true, 0xFFFD_FFC0UL)]
    [InlineData(false, 0xFFFE_0000UL)]
    public void Partition_ExitOnHypercall_LetsCallsGo(bool psci, ulong expected)
    {
        using FakeTest test = new(options =>
        {
            options.ExitOnHypercall = true;
            options.Arm64.Psci = psci;
        });
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        List<(uint Base, uint Count, byte Action)> filters = test.Kvm.Machine.Filters;
        Assert.All(filters, static filter => Assert.Equal(KVM_ARM64.KVM_SMCCC_FILTER_FWD_TO_USER, filter.Action));
        Assert.Equal(expected, filters.Aggregate(0UL, static (sum, filter) => sum + filter.Count));
        Assert.Equal(!psci, filters.Any(static filter => filter.Base == 0x8400_0000));
        Assert.DoesNotContain(filters, static filter => filter.Base is 0x8000_0000 or 0xC000_0000);
        Assert.Equal(psci ? Psci : 0, test.Vcpu().Features);
    }

    [Fact]
    public void Partition_AccessesWithoutSyndrome_AreAskedForWhereOffered()
    {
        var kvm = new FakeKvm();
        using (FakeTest test = new(kvm: kvm))
        {
            Assert.Contains(test.Kvm.Machine.Enabled, static one => one.cap == KVM_ARM64.KVM_CAP_ARM_NISV_TO_USER);
        }

        kvm.Capabilities.Remove(KVM_ARM64.KVM_CAP_ARM_NISV_TO_USER);
        using FakeTest without = new(kvm: kvm);
        Assert.DoesNotContain(without.Kvm.Machine.Enabled, static one => one.cap == KVM_ARM64.KVM_CAP_ARM_NISV_TO_USER);
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(16384)]
    [InlineData(65536)]
    public void Memory_EachPageSize_IsAlignedAndCountedByIt(int pageSize)
    {
        using FakeTest test = new(kvm: new FakeKvm { PageSize = pageSize });
        ArgumentException e = Assert.ThrowsAny<ArgumentException>(() => test.Partition.Memory.Map(0x5000_0000 + ((ulong)pageSize / 2), (ulong)pageSize));
        Assert.Contains($"is not a multiple of the page size, {pageSize}", e.Message, StringComparison.Ordinal);
        MemoryRegion region = test.Partition.Memory.Map(0x5000_0000, 128 * (ulong)pageSize, new MemoryRegionOptions { TrackDirtyPages = true, Access = MemoryAccess.ReadWrite });
        uint slot = test.Kvm.Machine.Slots.Single(static one => one.Value.guest_phys_addr == 0x5000_0000).Key;
        test.Kvm.Machine.DirtyPages[slot] = [1UL << 3, 1UL << 63];
        ulong[] bitmap = new ulong[2];
        region.CollectDirtyPages(bitmap);
        Assert.Equal([1UL << 3, 1UL << 63], bitmap);
        Assert.Equal([(slot, 128U)], test.Kvm.Machine.Cleared);
    }

    /// <summary>Whatever the kernel refuses becomes an error of one kind, and nothing is left open.</summary>
    [Fact]
    public void EachRequest_Refused_IsAnErrorAndLeavesNothingOpen()
    {
        var complete = new FakeKvm();
        UseAll(complete);
        Assert.True(complete.Requests.Length > 20, $"only {complete.Requests.Length} requests were made");
        foreach (uint request in complete.Requests)
        {
            for (int after = 0; after < 3; after++)
            {
                var kvm = new FakeKvm { Refusals = { [request] = (LibC.ENOMEM, after) } };
                Exception? e = Record.Exception(() => UseAll(kvm));
                Assert.True(e is null or HypervisorException or HypervisorUnavailableException or NotSupportedException, $"request 0x{request:X}, refused after {after}: {e}");
                Assert.True(e is not null || after > 0 || IsAllowedToFail(request), $"request 0x{request:X} was refused, and nobody said so");
                Assert.True(kvm.OpenCount == 0, $"request 0x{request:X}, refused after {after}, leaves {kvm.OpenCount} open");
            }
        }

        // The answer is no: what it asks for is not offered.
        static bool IsAllowedToFail(uint request) => request is KVM_ARM64.KVM_HAS_DEVICE_ATTR;
    }

    [Fact]
    public void Rounds_TenThousand_LeaveNothingOpen()
    {
        var kvm = new FakeKvm();
        using Hypervisor hypervisor = Hypervisor.Open(new KvmBackend(kvm));
        for (int i = 0; i < 10_000; i++)
        {
            using Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = (i & 1) == 0 ? InterruptControllerMode.Full : InterruptControllerMode.None });
            using Vcpu vcpu = partition.CreateVcpu(0);
            kvm.Machines.Clear();
            Assert.True(kvm.OpenCount <= 4, $"{kvm.OpenCount} descriptors are open in round {i}");
        }

        Assert.Equal(1, kvm.OpenCount);
    }

    private static void UseAll(FakeKvm kvm)
    {
        if (kvm.HasCallFilter)
        {
            kvm.Script.Enqueue(static vcpu => vcpu.Mmio(isWrite: true, 0x900_0000, 4, 1));
        }

        using Hypervisor hypervisor = Hypervisor.Open(new KvmBackend(kvm));
        PartitionOptions options = new() { MaxVcpus = 2, ExitOnHypercall = true };
        FakeTest.Full(options);
        using Partition partition = hypervisor.CreatePartition(options);
        MemoryRegion region = partition.Memory.Map(FakeTest.Ram, FakeTest.RamSize, new MemoryRegionOptions { TrackDirtyPages = true });
        using Doorbell doorbell = partition.CreateDoorbell(DoorbellLocation.Mmio(0x900_1000, 4));
        using InterruptTrigger trigger = partition.Interrupts.CreateTrigger(FakeTest.Frame.GetMessage(64));
        partition.Interrupts.GetLine(1).Set(true);
        using Vcpu vcpu = partition.CreateVcpu(0);
        vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });
        kvm.Machine.DirtyPages[0] = [1, 0, 0, 0];
        VcpuExit exit = vcpu.RunOnce();
        if (exit.Kind == VcpuExitKind.HostFailure)
        {
            throw new HypervisorException("KVM", "KVM_RUN", (int)exit.RawReason, "refused", "");
        }

        Arm64VcpuState state = vcpu.Arm64.SaveState();
        vcpu.Arm64.LoadState(state);
        partition.LoadState(partition.SaveState());
        region.CollectDirtyPages(new ulong[4]);
    }
}
