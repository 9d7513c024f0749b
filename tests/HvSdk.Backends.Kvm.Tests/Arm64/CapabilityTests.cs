using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>What is made of the kernel's answers about itself.</summary>
public sealed class CapabilityTests
{
    private static HypervisorCapabilities Read(FakeKvm kvm)
    {
        using Hypervisor hypervisor = Hypervisor.Open(new KvmBackend(kvm));
        return hypervisor.Capabilities;
    }

    [Fact]
    public void Capabilities_OfLinux_AreThoseOfItsExtensions()
    {
        HypervisorCapabilities capabilities = Read(new FakeKvm());
        Assert.Equal(
            (GuestArchitecture.Arm64, 512, 32767, 48, 4, KvmGic.LineCount, 4096),
            (capabilities.Architecture, capabilities.MaxVcpus, capabilities.MaxMemoryRegions, capabilities.GuestPhysicalAddressBits, capabilities.MaxHardwareBreakpoints,
                capabilities.InterruptLineCount, capabilities.PageSize));
        Assert.Equal(
            HypervisorFeatures.DirtyTracking | HypervisorFeatures.HugePages | HypervisorFeatures.MemoryDiscard | HypervisorFeatures.ManyPartitions | HypervisorFeatures.ReadOnlyMemory
            | HypervisorFeatures.InterruptTriggers | HypervisorFeatures.HostDoorbells | HypervisorFeatures.SingleStep | HypervisorFeatures.SoftwareBreakpoints
            | HypervisorFeatures.HardwareBreakpoints | HypervisorFeatures.FullInterruptController | HypervisorFeatures.Msi | HypervisorFeatures.HypercallExits | HypervisorFeatures.StateTransfer,
            capabilities.Features);
    }

    [Fact]
    public void Capabilities_WithoutGic_HaveNoInterruptController()
    {
        HypervisorCapabilities capabilities = Read(new FakeKvm { HasGic = false });
        Assert.Equal(0, capabilities.InterruptLineCount);
        Assert.Equal(
            HypervisorFeatures.None, capabilities.Features & (HypervisorFeatures.FullInterruptController | HypervisorFeatures.Msi | HypervisorFeatures.InterruptTriggers));
    }

    [Theory]
    [InlineData(KVM_ARM64.KVM_CAP_GUEST_DEBUG_HW_WPS, HypervisorFeatures.HardwareBreakpoints)]
    [InlineData(KVM.KVM_CAP_SET_GUEST_DEBUG, HypervisorFeatures.SingleStep | HypervisorFeatures.SoftwareBreakpoints | HypervisorFeatures.HardwareBreakpoints)]
    [InlineData(KVM.KVM_CAP_READONLY_MEM, HypervisorFeatures.ReadOnlyMemory)]
    [InlineData(KVM.KVM_CAP_IRQFD_RESAMPLE, HypervisorFeatures.InterruptTriggers)]
    [InlineData(KVM.KVM_CAP_IOEVENTFD, HypervisorFeatures.HostDoorbells)]
    public void Capabilities_WithoutAnExtension_LackItsFeatures(uint extension, HypervisorFeatures features)
    {
        var kvm = new FakeKvm();
        HypervisorFeatures all = Read(kvm).Features;
        kvm.Capabilities.Remove(extension);
        Assert.Equal(all & ~features, Read(kvm).Features);
    }

    [Fact]
    public void Capabilities_OlderKernel_HasItsLimits()
    {
        var kvm = new FakeKvm { HasCallFilter = false };
        kvm.Capabilities.Remove(KVM_ARM64.KVM_CAP_ARM_VM_IPA_SIZE);
        kvm.Capabilities.Remove(KVM_ARM64.KVM_CAP_ARM_IRQ_LINE_LAYOUT_2);
        HypervisorCapabilities capabilities = Read(kvm);
        Assert.Equal((40, 256), (capabilities.GuestPhysicalAddressBits, capabilities.MaxVcpus));
        Assert.False(capabilities.Supports(HypervisorFeatures.HypercallExits));
        Assert.Equal(0, kvm.Machine.Type);
    }

    [Fact]
    public void Host_AskedThroughAGuest_TellsCounterAndRegisters()
    {
        var kvm = new FakeKvm();
        using Hypervisor hypervisor = Hypervisor.Open(new KvmBackend(kvm));
        Assert.Equal(FakeKvm.Frequency, hypervisor.Arm64.CounterFrequency);
        Assert.Contains(hypervisor.Arm64.GetFeatureRegisters(), static value => value.Register == Arm64SystemRegister.IdAa64Pfr0El1);
        Assert.Equal(
            [
                "SP_EL0", "SP_EL1", "ELR_EL1", "SPSR_EL1", "FPCR", "FPSR", "SCTLR_EL1", "TTBR0_EL1", "VBAR_EL1", "CSSELR_EL1", "DBGBCR0_EL1", "TPIDR_EL0", "CNTV_CTL_EL0", "CNTV_CVAL_EL0",
            ],
            hypervisor.Arm64.GetStateRegisters().Select(static register => register.ToString()));
        Assert.Equal(1, kvm.OpenCount);
    }

    [Fact]
    public void Probe_NoDevice_SpeaksOfArm64()
    {
        BackendProbe probe = new KvmBackend(new FakeKvm { OpenError = LibC.ENOENT }).Probe();
        Assert.False(probe.IsAvailable);
        Assert.Contains("exception level 2", probe.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("vmx", probe.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KVM_ARM64.KVM_CAP_ONE_REG, "KVM_CAP_ONE_REG")]
    [InlineData(KVM_ARM64.KVM_CAP_ARM_PSCI_0_2, "KVM_CAP_ARM_PSCI_0_2")]
    [InlineData(KVM.KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE")]
    public void Probe_WithoutWhatEveryPartitionNeeds_NamesIt(uint extension, string name)
    {
        var kvm = new FakeKvm();
        kvm.Capabilities.Remove(extension);
        Assert.Contains($"This KVM has no {name}.", new KvmBackend(kvm).Probe().ToString(), StringComparison.Ordinal);
        Assert.Equal(0, kvm.OpenCount);
    }

    [Fact]
    public void Probe_EmulationAskedFor_SaysWhoseItIs()
    {
        BackendProbe probe = new KvmBackend(new FakeKvm(), new KvmBackendOptions { EmulateFailedInstructions = true }).Probe();
        Assert.False(probe.IsAvailable);
        Assert.Contains("EmulateFailedInstructions", probe.ToString(), StringComparison.Ordinal);
    }
}
