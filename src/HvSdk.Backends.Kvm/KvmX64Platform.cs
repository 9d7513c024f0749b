using HvSdk.Backends.Kvm.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Kvm;

/// <summary>An open /dev/kvm of an x86-64 machine.</summary>
internal sealed class KvmX64Platform : KvmHost
{
    /// <summary>Address bits where CPUID does not tell: the least that a processor with long mode has.</summary>
    private const int DefaultAddressBits = 36;

    private readonly KvmX64Host _x64;

    internal KvmX64Platform(SafeFd device, KvmBackendOptions options, ILogger logger)
        : base(device, options, logger)
    {
        _x64 = new KvmX64Host(device);
        Capabilities = ReadCapabilities();

        // All that partitions ask of the host, once for all of them; they outlive the open device.
        HasExceptionPayload = Has(KVM.KVM_CAP_EXCEPTION_PAYLOAD);
        HasIdentityMapAddress = Has(KVM.KVM_CAP_SET_IDENTITY_MAP_ADDR);
        HasTaskStateAddress = Has(KVM.KVM_CAP_SET_TSS_ADDR);
        SyncableRegisters = (ulong)device.CheckExtension(KVM.KVM_CAP_SYNC_REGS);
    }

    public override HypervisorCapabilities Capabilities { get; }

    public override X64HostBackend X64 => _x64;

    /// <summary>Groups of registers that can come along with an exit (KVM_SYNC_X86_*).</summary>
    internal ulong SyncableRegisters { get; }

    internal bool HasExceptionPayload { get; }

    internal bool HasIdentityMapAddress { get; }

    internal bool HasTaskStateAddress { get; }

    internal KvmX64Host X64Host => _x64;

    public override PartitionBackend CreatePartition(PartitionOptions options) => KvmX64Partition.Create(Device, this, options);

    private HypervisorCapabilities ReadCapabilities()
    {
        int addressBits = _x64.GetSupportedCpuid().TryGet(0x8000_0008, 0, out X64CpuidEntry sizes) ? (int)(sizes.Eax & 0xFF) : DefaultAddressBits;
        return new HypervisorCapabilities
        {
            BackendName = KvmError.BackendName,
            HostDescription = KvmProbe.Describe(GuestArchitecture.X64),
            Architecture = GuestArchitecture.X64,
            Features = ReadFeatures(),
            MaxVcpus = int.Max(1, Device.CheckExtension(KVM.KVM_CAP_MAX_VCPUS)),
            MaxMemoryRegions = int.Max(32, Device.CheckExtension(KVM.KVM_CAP_NR_MEMSLOTS)),
            MaxMemoryRegionSize = KvmMemory.MaxPagesPerSlot * (uint)PageSize,
            PageSize = PageSize,
            GuestPhysicalAddressBits = addressBits,
            MaxHardwareBreakpoints = Has(KVM.KVM_CAP_SET_GUEST_DEBUG) ? KvmX64Vcpu.HardwareBreakpoints : 0,
            InterruptLineCount = (int)KVM.KVM_IOAPIC_NUM_PINS,
        };
    }

    private HypervisorFeatures ReadFeatures()
    {
        HypervisorFeatures features = ReadCommonFeatures()
            | FeatureOf(HypervisorFeatures.FullInterruptController, KVM.KVM_CAP_IRQCHIP)
            | FeatureOf(HypervisorFeatures.PerVcpuInterruptController, KVM.KVM_CAP_SPLIT_IRQCHIP)
            | FeatureOf(HypervisorFeatures.Msi, KVM.KVM_CAP_SIGNAL_MSI)
            | FeatureOf(HypervisorFeatures.TimerChip, KVM.KVM_CAP_PIT2)
            | FeatureOf(HypervisorFeatures.RegisterExits, KVM.KVM_CAP_X86_USER_SPACE_MSR, KVM.KVM_CAP_X86_MSR_FILTER)
            | FeatureOf(HypervisorFeatures.HypercallExits, KVM.KVM_CAP_EXIT_HYPERCALL)
            | FeatureOf(
                HypervisorFeatures.StateTransfer,
                KVM.KVM_CAP_VCPU_EVENTS,
                KVM.KVM_CAP_DEBUGREGS,
                KVM.KVM_CAP_XSAVE,
                KVM.KVM_CAP_XCRS,
                KVM.KVM_CAP_MP_STATE)
            | FeatureOf(HypervisorFeatures.CounterFrequencyControl, KVM.KVM_CAP_TSC_CONTROL);
        return features | (_x64.HasClock ? HypervisorFeatures.ParavirtualClock : 0);
    }
}
