using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Kvm;

/// <summary>An open /dev/kvm of an arm64 machine.</summary>
internal sealed class KvmArm64Platform : KvmHost
{
    /// <summary>Bits of guest addresses where the kernel gives no choice.</summary>
    private const int DefaultAddressBits = 40;

    /// <summary>vCPUs that a private interrupt can name without KVM_CAP_ARM_IRQ_LINE_LAYOUT_2.</summary>
    private const int MaxNamedVcpus = 256;

    private readonly KvmArm64Host _arm64;
    private readonly KvmArm64Survey _survey;

    internal KvmArm64Platform(SafeFd device, KvmBackendOptions options, ILogger logger)
        : base(device, options, logger)
    {
        VcpuFeatures = ReadVcpuFeatures();
        HasAccessesWithoutSyndrome = Has(KVM_ARM64.KVM_CAP_ARM_NISV_TO_USER);
        _survey = KvmArm64Survey.Make(device, VcpuFeatures, VcpuMappingSize);
        _arm64 = new KvmArm64Host(_survey);
        Capabilities = ReadCapabilities();
    }

    public override HypervisorCapabilities Capabilities { get; }

    public override Arm64HostBackend Arm64 => _arm64;

    /// <summary>Bits of the features that every vCPU is made with, whatever the partition's options.</summary>
    /// <remarks>
    /// No SVE: the portable state has no place for vectors longer than V0 to V31, and KVM shows those no more where a guest has SVE. No performance monitors: their overflow would
    /// be an interrupt that nobody has asked for.
    /// </remarks>
    internal uint VcpuFeatures { get; }

    /// <summary>Loads and stores that the syndrome does not describe leave the guest, to be completed from their instruction.</summary>
    internal bool HasAccessesWithoutSyndrome { get; }

    /// <summary>Ticks of the guests' counters in a second.</summary>
    internal long CounterFrequency => _survey.CounterFrequency;

    public override PartitionBackend CreatePartition(PartitionOptions options) => KvmArm64Partition.Create(Device, this, options);

    /// <summary>Both kinds of pointer authentication or none: KVM offers them together.</summary>
    private uint ReadVcpuFeatures()
    {
        const uint psci = 1U << KVM_ARM64.KVM_ARM_VCPU_PSCI_0_2;
        const uint authentication = (1U << KVM_ARM64.KVM_ARM_VCPU_PTRAUTH_ADDRESS) | (1U << KVM_ARM64.KVM_ARM_VCPU_PTRAUTH_GENERIC);
        return psci | (Has(KVM_ARM64.KVM_CAP_ARM_PTRAUTH_ADDRESS) && Has(KVM_ARM64.KVM_CAP_ARM_PTRAUTH_GENERIC) ? authentication : 0);
    }

    private HypervisorCapabilities ReadCapabilities()
    {
        int maxVcpus = int.Max(1, Device.CheckExtension(KVM.KVM_CAP_MAX_VCPUS));
        int addressBits = Device.CheckExtension(KVM_ARM64.KVM_CAP_ARM_VM_IPA_SIZE);
        int breakpoints = int.Min(Device.CheckExtension(KVM_ARM64.KVM_CAP_GUEST_DEBUG_HW_BPS), Device.CheckExtension(KVM_ARM64.KVM_CAP_GUEST_DEBUG_HW_WPS));
        return new HypervisorCapabilities
        {
            BackendName = KvmError.BackendName,
            HostDescription = KvmProbe.Describe(GuestArchitecture.Arm64),
            Architecture = GuestArchitecture.Arm64,
            Features = ReadFeatures(breakpoints > 0),
            MaxVcpus = Has(KVM_ARM64.KVM_CAP_ARM_IRQ_LINE_LAYOUT_2) ? maxVcpus : int.Min(maxVcpus, MaxNamedVcpus),
            MaxMemoryRegions = int.Max(32, Device.CheckExtension(KVM.KVM_CAP_NR_MEMSLOTS)),
            MaxMemoryRegionSize = KvmMemory.MaxPagesPerSlot * (uint)PageSize,
            PageSize = PageSize,
            GuestPhysicalAddressBits = addressBits > 0 ? addressBits : DefaultAddressBits,
            MaxHardwareBreakpoints = Has(KVM.KVM_CAP_SET_GUEST_DEBUG) ? int.Max(0, breakpoints) : 0,
            InterruptLineCount = _survey.HasGic ? KvmGic.LineCount : 0,
        };
    }

    private HypervisorFeatures ReadFeatures(bool hasBreakpoints)
    {
        const HypervisorFeatures ofGic = HypervisorFeatures.FullInterruptController | HypervisorFeatures.Msi;
        HypervisorFeatures features = ReadCommonFeatures() | HypervisorFeatures.StateTransfer
            | (_survey.HasGic ? ofGic : 0)
            | (_survey.HasCallFilter ? HypervisorFeatures.HypercallExits : 0);
        return features & ~(hasBreakpoints ? 0 : HypervisorFeatures.HardwareBreakpoints) & ~(_survey.HasGic ? 0 : HypervisorFeatures.InterruptTriggers);
    }
}
