using HvSdk.Backends.Kvm.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Kvm;

/// <summary>An open /dev/kvm: what is the same on every architecture.</summary>
internal abstract class KvmHost : HypervisorHost
{
    private protected KvmHost(SafeFd device, KvmBackendOptions options, ILogger logger)
    {
        Device = device;
        Options = options;
        Logger = logger;
        VcpuMappingSize = device.Control(KVM.KVM_GET_VCPU_MMAP_SIZE, 0, nameof(KVM.KVM_GET_VCPU_MMAP_SIZE));

        // All that partitions ask of the host, once for all of them; they outlive the open device.
        HasManualDirtyLogProtect = (device.CheckExtension(KVM.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & KVM.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) != 0;
        HasDirtyLogRing = Has(KVM.KVM_CAP_DIRTY_LOG_RING);
        HasAnyLengthDoorbells = Has(KVM.KVM_CAP_IOEVENTFD_ANY_LENGTH);
    }

    /// <summary>Size of the pages that a vCPU shares with the kernel.</summary>
    internal int VcpuMappingSize { get; }

    /// <summary>Size of the kernel's pages, which memory slots and dirty pages are counted in: 4 KiB, and on arm64 also 16 or 64.</summary>
    internal int PageSize => Device.PageSize;

    internal bool HasManualDirtyLogProtect { get; }

    internal bool HasDirtyLogRing { get; }

    internal bool HasAnyLengthDoorbells { get; }

    internal KvmBackendOptions Options { get; }

    internal ILogger Logger { get; }

    private protected SafeFd Device { get; }

    /// <summary>The host of the architecture that the device is of.</summary>
    internal static KvmHost Create(SafeFd device, KvmBackendOptions options, ILogger logger)
    {
        KvmHost host = device.Architecture == GuestArchitecture.Arm64 ? new KvmArm64Platform(device, options, logger) : new KvmX64Platform(device, options, logger);
        Log.Opened(logger, host.Capabilities.HostDescription, host.Capabilities.Features);
        return host;
    }

    public override void Dispose() => Device.Dispose();

    private protected bool Has(uint capability) => Device.CheckExtension(capability) > 0;

    /// <summary>The feature where the kernel has all of the capabilities, else none.</summary>
    private protected HypervisorFeatures FeatureOf(HypervisorFeatures feature, params ReadOnlySpan<uint> capabilities)
    {
        foreach (uint capability in capabilities)
        {
            if (!Has(capability))
            {
                return HypervisorFeatures.None;
            }
        }

        return feature;
    }

    private protected HypervisorFeatures ReadCommonFeatures() =>
        // Dirty logs, huge pages, pages that go while the guest has them, and many partitions are as old as the required capabilities.
        HypervisorFeatures.DirtyTracking | HypervisorFeatures.HugePages | HypervisorFeatures.MemoryDiscard | HypervisorFeatures.ManyPartitions
        | FeatureOf(HypervisorFeatures.ReadOnlyMemory, KVM.KVM_CAP_READONLY_MEM)
        | FeatureOf(HypervisorFeatures.InterruptTriggers, KVM.KVM_CAP_IRQFD, KVM.KVM_CAP_IRQFD_RESAMPLE)
        | FeatureOf(HypervisorFeatures.HostDoorbells, KVM.KVM_CAP_IOEVENTFD)
        | FeatureOf(HypervisorFeatures.SingleStep | HypervisorFeatures.SoftwareBreakpoints | HypervisorFeatures.HardwareBreakpoints, KVM.KVM_CAP_SET_GUEST_DEBUG)
        | FeatureOf(HypervisorFeatures.HostStatistics, KVM.KVM_CAP_BINARY_STATS_FD);
}
