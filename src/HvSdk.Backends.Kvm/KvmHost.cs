using HvSdk.Backends.Kvm.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Kvm;

/// <summary>An open /dev/kvm.</summary>
internal sealed class KvmHost : HypervisorHost
{
    /// <summary>Address bits where CPUID does not tell: the least that a processor with long mode has.</summary>
    private const int DefaultAddressBits = 36;

    private readonly SafeFd _device;
    private readonly KvmBackendOptions _options;
    private readonly ILogger _logger;
    private readonly KvmX64Host _x64;

    internal KvmHost(SafeFd device, KvmBackendOptions options, ILogger logger)
    {
        _device = device;
        _options = options;
        _logger = logger;
        _x64 = new KvmX64Host(device);
        Capabilities = ReadCapabilities();
        VcpuMappingSize = device.Control(KVM.KVM_GET_VCPU_MMAP_SIZE, 0, nameof(KVM.KVM_GET_VCPU_MMAP_SIZE));

        // All that partitions ask of the host, once for all of them; they outlive the open device.
        HasManualDirtyLogProtect = (device.CheckExtension(KVM.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & KVM.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) != 0;
        HasDirtyLogRing = Has(KVM.KVM_CAP_DIRTY_LOG_RING);
        HasExceptionPayload = Has(KVM.KVM_CAP_EXCEPTION_PAYLOAD);
        HasIdentityMapAddress = Has(KVM.KVM_CAP_SET_IDENTITY_MAP_ADDR);
        HasTaskStateAddress = Has(KVM.KVM_CAP_SET_TSS_ADDR);
        HasAnyLengthDoorbells = Has(KVM.KVM_CAP_IOEVENTFD_ANY_LENGTH);
        SyncableRegisters = (ulong)device.CheckExtension(KVM.KVM_CAP_SYNC_REGS);
        Log.Opened(logger, KvmProbe.Describe(), Capabilities.Features);
    }

    public override HypervisorCapabilities Capabilities { get; }

    public override X64HostBackend X64 => _x64;

    /// <summary>Size of the pages that a vCPU shares with the kernel.</summary>
    internal int VcpuMappingSize { get; }

    /// <summary>Groups of registers that can come along with an exit (KVM_SYNC_X86_*).</summary>
    internal ulong SyncableRegisters { get; }

    internal bool HasManualDirtyLogProtect { get; }

    internal bool HasDirtyLogRing { get; }

    internal bool HasExceptionPayload { get; }

    internal bool HasIdentityMapAddress { get; }

    internal bool HasTaskStateAddress { get; }

    internal bool HasAnyLengthDoorbells { get; }

    internal KvmX64Host X64Host => _x64;

    internal KvmBackendOptions Options => _options;

    internal ILogger Logger => _logger;

    public override PartitionBackend CreatePartition(PartitionOptions options) => KvmPartition.Create(_device, this, options);

    public override void Dispose() => _device.Dispose();

    private HypervisorCapabilities ReadCapabilities()
    {
        int addressBits = _x64.GetSupportedCpuid().TryGet(0x8000_0008, 0, out X64CpuidEntry sizes) ? (int)(sizes.Eax & 0xFF) : DefaultAddressBits;
        return new HypervisorCapabilities
        {
            BackendName = KvmError.BackendName,
            HostDescription = KvmProbe.Describe(),
            Architecture = GuestArchitecture.X64,
            Features = ReadFeatures(),
            MaxVcpus = int.Max(1, _device.CheckExtension(KVM.KVM_CAP_MAX_VCPUS)),
            MaxMemoryRegions = int.Max(32, _device.CheckExtension(KVM.KVM_CAP_NR_MEMSLOTS)),
            MaxMemoryRegionSize = KvmMemory.MaxPagesPerSlot * (uint)Environment.SystemPageSize,
            PageSize = Environment.SystemPageSize,
            GuestPhysicalAddressBits = addressBits,
            MaxHardwareBreakpoints = Has(KVM.KVM_CAP_SET_GUEST_DEBUG) ? KvmX64Vcpu.HardwareBreakpoints : 0,
            InterruptLineCount = (int)KVM.KVM_IOAPIC_NUM_PINS,
        };
    }

    private bool Has(uint capability) => _device.CheckExtension(capability) > 0;

    private HypervisorFeatures ReadFeatures()
    {
        // Dirty logs, huge pages, pages that go while the guest has them, and many partitions are as old as the required capabilities.
        HypervisorFeatures features = HypervisorFeatures.DirtyTracking | HypervisorFeatures.HugePages | HypervisorFeatures.MemoryDiscard | HypervisorFeatures.ManyPartitions;
        Add(HypervisorFeatures.ReadOnlyMemory, KVM.KVM_CAP_READONLY_MEM);
        Add(HypervisorFeatures.FullInterruptController, KVM.KVM_CAP_IRQCHIP);
        Add(HypervisorFeatures.PerVcpuInterruptController, KVM.KVM_CAP_SPLIT_IRQCHIP);
        Add(HypervisorFeatures.Msi, KVM.KVM_CAP_SIGNAL_MSI);
        Add(HypervisorFeatures.InterruptTriggers, KVM.KVM_CAP_IRQFD, KVM.KVM_CAP_IRQFD_RESAMPLE);
        Add(HypervisorFeatures.HostDoorbells, KVM.KVM_CAP_IOEVENTFD);
        Add(HypervisorFeatures.TimerChip, KVM.KVM_CAP_PIT2);
        Add(HypervisorFeatures.SingleStep | HypervisorFeatures.SoftwareBreakpoints | HypervisorFeatures.HardwareBreakpoints, KVM.KVM_CAP_SET_GUEST_DEBUG);
        Add(HypervisorFeatures.RegisterExits, KVM.KVM_CAP_X86_USER_SPACE_MSR, KVM.KVM_CAP_X86_MSR_FILTER);
        Add(HypervisorFeatures.HypercallExits, KVM.KVM_CAP_EXIT_HYPERCALL);
        Add(
            HypervisorFeatures.StateTransfer,
            KVM.KVM_CAP_VCPU_EVENTS,
            KVM.KVM_CAP_DEBUGREGS,
            KVM.KVM_CAP_XSAVE,
            KVM.KVM_CAP_XCRS,
            KVM.KVM_CAP_MP_STATE);
        Add(HypervisorFeatures.HostStatistics, KVM.KVM_CAP_BINARY_STATS_FD);
        Add(HypervisorFeatures.TscFrequencyControl, KVM.KVM_CAP_TSC_CONTROL);
        features |= _x64.HasClock ? HypervisorFeatures.ParavirtualClock : 0;
        return features;

        void Add(HypervisorFeatures feature, params ReadOnlySpan<uint> capabilities)
        {
            foreach (uint capability in capabilities)
            {
                if (!Has(capability))
                {
                    return;
                }
            }

            features |= feature;
        }
    }
}
