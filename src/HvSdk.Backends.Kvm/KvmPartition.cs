using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Kvm;

/// <summary>A KVM virtual machine: what is the same on every architecture.</summary>
internal abstract partial class KvmPartition : PartitionBackend
{
    private readonly KvmDirtyRings? _dirtyRings;

    private protected KvmPartition(SafeFd partition, KvmHost host, PartitionOptions options, KvmInterruptRouting routing)
    {
        Descriptor = partition;
        Host = host;
        Options = options;
        _routing = routing;
        int ringEntries = host.Options.DirtyRingEntries;
        bool clearsManually = ringEntries == 0 && host.HasManualDirtyLogProtect;
        Memory = new KvmMemory(partition, clearsManually, ringEntries > 0, host.Options.EmulateFailedInstructions);
        _dirtyRings = ringEntries > 0 ? new KvmDirtyRings(partition, Memory, ringEntries) : null;
        if (clearsManually)
        {
            partition.EnableCapability(
                KVM.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, nameof(KVM.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2));
        }

        if (ringEntries > 0)
        {
            uint capability = host.HasDirtyLogRing ? KVM.KVM_CAP_DIRTY_LOG_RING : KVM.KVM_CAP_DIRTY_LOG_RING_ACQ_REL;
            partition.EnableCapability(capability, (ulong)(ringEntries * KvmDirtyRing.EntrySize), nameof(KVM.KVM_CAP_DIRTY_LOG_RING));
        }
    }

    internal KvmHost Host { get; }

    internal PartitionOptions Options { get; }

    internal KvmMemory Memory { get; }

    internal KvmDirtyRings? DirtyRings => _dirtyRings;

    private protected SafeFd Descriptor { get; }

    public override SafeBuffer AllocateMemory(ulong size, MemoryRegionOptions options) => KvmMemoryAllocation.Allocate(size, options);

    public override SafeFileHandle? DuplicateHandle(SafeBuffer block) => ((SafeMapping)block).Descriptor?.Duplicate();

    public override ulong GetDiscardUnit(SafeBuffer block) => ((SafeMapping)block).DiscardUnit;

    public override bool DiscardMemory(SafeBuffer block, ulong offset, ulong size) => ((SafeMapping)block).TryDiscard(offset, size);

    public override long ReadFile(SafeFileHandle file, long offset, ReadOnlySpan<HostRange> pieces) => FileVectors.Read(file, offset, pieces);

    public override long WriteFile(SafeFileHandle file, long offset, ReadOnlySpan<HostRange> pieces) => FileVectors.Write(file, offset, pieces);

    public override object MapMemory(ulong address, SafeBuffer block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages) =>
        Memory.Map(address, (SafeMapping)block, offset, size, access, trackDirtyPages);

    public override void UnmapMemory(object mapping)
    {
        Memory.Unmap((KvmSlot)mapping);

        // What the rings still say of this slot must not be said of the next one with its number.
        _dirtyRings?.Harvest();
    }

    public override void SetDirtyTracking(object mapping, bool enabled)
    {
        // What was written before tracking starts is not of its time, though it may still lie in the rings.
        _dirtyRings?.Harvest();
        Memory.SetDirtyTracking((KvmSlot)mapping, enabled);
    }

    public override void CollectDirtyPages(object mapping, Span<ulong> bitmap)
    {
        if (_dirtyRings is not null)
        {
            _dirtyRings.Collect((KvmSlot)mapping, bitmap);
        }
        else
        {
            Memory.ReadDirtyLog((KvmSlot)mapping, bitmap);
        }

        Memory.CollectEmulatedPages((KvmSlot)mapping, bitmap);
    }

    public override HostEvent? CreateDoorbell(DoorbellLocation location)
    {
        if (!Host.Capabilities.Supports(HypervisorFeatures.HostDoorbells) || (location.Size == 0 && !Host.HasAnyLengthDoorbells))
        {
            return null;
        }

        var doorbell = new EventFd { Unregister = e => SetDoorbell(e, location, KVM.KVM_IOEVENTFD_FLAG_DEASSIGN) };
        try
        {
            SetDoorbell(doorbell, location, 0);
            return doorbell;
        }
        catch
        {
            doorbell.Unregister = null;
            doorbell.Dispose();
            throw;
        }
    }

    public override IReadOnlyList<HostStatistic> ReadStatistics() =>
        Host.Capabilities.Supports(HypervisorFeatures.HostStatistics) ? KvmStatistics.Read(Descriptor) : [];

    public override void Dispose() => Descriptor.Dispose();

    private void SetDoorbell(EventFd doorbell, DoorbellLocation location, uint flags)
    {
        kvm_ioeventfd register = new()
        {
            datamatch = location.Value ?? 0,
            addr = location.Address,
            len = (uint)location.Size,
            fd = doorbell.Descriptor.Number,
            flags = flags
                | (location.Space == BusSpace.Ports ? KVM.KVM_IOEVENTFD_FLAG_PIO : 0)
                | (location.Value is null ? 0 : KVM.KVM_IOEVENTFD_FLAG_DATAMATCH),
        };
        Descriptor.Control(KVM.KVM_IOEVENTFD, ref register, nameof(KVM.KVM_IOEVENTFD));
    }
}
