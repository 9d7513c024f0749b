using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>What a vCPU has on either architecture: its descriptor, the page that it shares with the kernel, its ring of dirty pages, and kicks.</summary>
/// <remarks>
/// A kick sets immediate_exit and then signals the thread: before the entry the flag makes KVM_RUN return at once, after it the signal does.
/// Who runs the vCPU clears the flag when the kernel has seen it, and only then does the core look at who has asked, so none is lost. EINTR alone
/// means nothing: the runtime uses signals too.
/// </remarks>
internal abstract unsafe class KvmVcpuBase : VcpuBackend
{
    /// <summary>How often a ring may be full and turn out to be empty, one time after the other.</summary>
    private protected const int MaxEmptyHarvests = 1000;

    private readonly KvmPartition _partition;
    private readonly SafeMapping _runMapping;
    private readonly KvmDirtyRing? _dirtyRing;
    private readonly int _threadId = LibC.gettid();

    private protected KvmVcpuBase(KvmPartition partition, SafeFd vcpu)
    {
        _partition = partition;
        Descriptor = vcpu;
        _ = KickSignal.Number;
        _runMapping = SafeMapping.Map(vcpu, (nuint)partition.Host.VcpuMappingSize, 0, LibC.MAP_SHARED, "mmap of a vCPU");
        try
        {
            _dirtyRing = partition.DirtyRings?.Add(vcpu);
        }
        catch
        {
            _runMapping.Dispose();
            throw;
        }
    }

    private protected SafeFd Descriptor { get; }

    /// <summary>The page's first byte, until <see cref="Dispose"/>, which the core calls when no other call is under way and none will follow.</summary>
    private protected void* RunPage => _runMapping.Pointer;

    public override void Kick()
    {
        // SAFETY: see RunPage. The flag lies at the same place on each architecture.
        Volatile.Write(ref ((kvm_run*)RunPage)->immediate_exit, 1);
        KickSignal.Send(_threadId);
    }

    public override IReadOnlyList<HostStatistic> ReadStatistics() =>
        _partition.Host.Capabilities.Supports(HypervisorFeatures.HostStatistics) ? KvmStatistics.Read(Descriptor) : [];

    public override void Dispose()
    {
        if (_dirtyRing is not null)
        {
            _partition.DirtyRings!.Remove(_dirtyRing);
        }

        _runMapping.Dispose();
        Descriptor.Dispose();
    }
}
