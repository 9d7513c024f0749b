using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>The memory slots of one partition.</summary>
/// <remarks>The core serializes the calls and holds the memory until its slot is gone. Slot numbers are given out lowest first and used again.</remarks>
internal sealed class KvmMemory
{
    /// <summary>KVM_MEM_MAX_NR_PAGES: what one slot holds at most.</summary>
    internal const ulong MaxPagesPerSlot = (1UL << 31) - 1;

    private readonly SafeFd _partition;
    private readonly bool _clearsManually;
    private readonly bool _usesRings;
    private readonly List<KvmSlot?> _slots = [];

    internal KvmMemory(SafeFd partition, bool clearsManually, bool usesRings)
    {
        _partition = partition;
        _clearsManually = clearsManually;
        _usesRings = usesRings;
    }

    internal KvmSlot Map(ulong address, SafeMapping block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages)
    {
        int number = _slots.IndexOf(null);
        if (number < 0)
        {
            number = _slots.Count;
            _slots.Add(null);
        }

        var slot = new KvmSlot(new kvm_userspace_memory_region
        {
            slot = (uint)number,
            flags = (access == MemoryAccess.ReadOnly ? KVM.KVM_MEM_READONLY : 0) | (trackDirtyPages ? KVM.KVM_MEM_LOG_DIRTY_PAGES : 0),
            guest_phys_addr = address,
            memory_size = size,
            userspace_addr = Address(block) + offset,
        });
        Set(slot.Region);
        StartRingPages(slot, trackDirtyPages);
        _slots[number] = slot;
        return slot;
    }

    internal void Unmap(KvmSlot slot)
    {
        Set(slot.Region with { memory_size = 0, flags = 0 });
        _slots[(int)slot.Region.slot] = null;
    }

    internal void SetDirtyTracking(KvmSlot slot, bool enabled)
    {
        kvm_userspace_memory_region region = slot.Region;
        region.flags = enabled ? region.flags | KVM.KVM_MEM_LOG_DIRTY_PAGES : region.flags & ~KVM.KVM_MEM_LOG_DIRTY_PAGES;
        Set(region);
        slot.Region = region;
        StartRingPages(slot, enabled);
    }

    /// <summary>Reads the kernel's bitmap and clears what was read.</summary>
    internal unsafe void ReadDirtyLog(KvmSlot slot, Span<ulong> bitmap)
    {
        bitmap.Clear();

        // SAFETY: the bitmap has a bit for each page of the slot, in whole words as the kernel writes them, and is pinned for both calls.
        fixed (ulong* pages = bitmap)
        {
            kvm_dirty_log log = new() { slot = slot.Region.slot, dirty_bitmap = (ulong)pages };
            _partition.Control(KVM.KVM_GET_DIRTY_LOG, ref log, nameof(KVM.KVM_GET_DIRTY_LOG));
            if (_clearsManually && bitmap.ContainsAnyExcept(0UL))
            {
                kvm_clear_dirty_log clear = new()
                {
                    slot = slot.Region.slot,
                    num_pages = (uint)(slot.Region.memory_size / (uint)Environment.SystemPageSize),
                    dirty_bitmap = (ulong)pages,
                };
                _partition.Control(KVM.KVM_CLEAR_DIRTY_LOG, ref clear, nameof(KVM.KVM_CLEAR_DIRTY_LOG));
            }
        }
    }

    /// <summary>Marks a page that a dirty ring names. The kernel may name a slot that has gone meanwhile.</summary>
    internal void MarkRingPage(uint slot, ulong page)
    {
        if (slot < _slots.Count && _slots[(int)slot]?.RingPages is { } pages && page / 64 < (ulong)pages.Length)
        {
            pages[page / 64] |= 1UL << (int)(page % 64);
        }
    }

    private static unsafe ulong Address(SafeMapping block) => (ulong)block.Pointer;

    private void StartRingPages(KvmSlot slot, bool enabled) =>
        slot.RingPages = enabled && _usesRings ? new ulong[DirtyPageBitmap.WordsFor(slot.Region.memory_size, Environment.SystemPageSize)] : null;

    private void Set(kvm_userspace_memory_region region) =>
        _partition.Control(KVM.KVM_SET_USER_MEMORY_REGION, ref region, nameof(KVM.KVM_SET_USER_MEMORY_REGION));
}
