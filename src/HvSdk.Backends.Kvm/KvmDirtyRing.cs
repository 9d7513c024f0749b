using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>A vCPU's ring of dirty pages (Linux Documentation/virt/kvm/api.rst, KVM_CAP_DIRTY_LOG_RING).</summary>
/// <remarks>The kernel fills entries and marks them dirty; we read them and mark them for reset; KVM_RESET_DIRTY_RINGS gives them back.</remarks>
internal sealed unsafe class KvmDirtyRing : IDisposable
{
    internal const int EntrySize = 16;

    private readonly SafeMapping _mapping;
    private readonly uint _entries;
    private uint _next;

    internal KvmDirtyRing(SafeFd vcpu, int entries)
    {
        _entries = (uint)entries;
        _mapping = SafeMapping.Map(
            vcpu, (nuint)(entries * EntrySize), KVM.KVM_DIRTY_LOG_PAGE_OFFSET * vcpu.PageSize, LibC.MAP_SHARED, "mmap of a dirty ring");
    }

    /// <summary>Takes all entries that are there. Calls are serialized by the partition.</summary>
    /// <returns>True where there were any.</returns>
    internal bool Harvest(KvmMemory memory)
    {
        bool any = false;
        while (true)
        {
            // SAFETY: the index is below the ring's length, and the mapping lives as long as this object, which Dispose ends under the same lock.
            kvm_dirty_gfn* entry = (kvm_dirty_gfn*)_mapping.Pointer + (_next & (_entries - 1));
            if (Volatile.Read(ref entry->flags) != KVM.KVM_DIRTY_GFN_F_DIRTY)
            {
                return any;
            }

            memory.MarkRingPage(entry->slot, entry->offset);
            Volatile.Write(ref entry->flags, KVM.KVM_DIRTY_GFN_F_RESET);
            _next++;
            any = true;
        }
    }

    public void Dispose() => _mapping.Dispose();
}
