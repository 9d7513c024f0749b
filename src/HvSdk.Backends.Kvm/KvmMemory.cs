using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>The memory slots of one partition.</summary>
/// <remarks>
/// The core serializes the calls and holds the memory until its slot is gone. Slot numbers are given out lowest first and used again. Emulated instructions look
/// things up on the threads of vCPUs meanwhile, under <see cref="Gate"/>.
/// </remarks>
internal sealed class KvmMemory
{
    /// <summary>KVM_MEM_MAX_NR_PAGES: what one slot holds at most.</summary>
    internal const ulong MaxPagesPerSlot = (1UL << 31) - 1;

    private readonly SafeFd _partition;
    private readonly bool _clearsManually;
    private readonly bool _usesRings;
    private readonly List<KvmSlot?> _slots = [];
    private readonly bool _isEmulated;

    internal KvmMemory(SafeFd partition, bool clearsManually, bool usesRings, bool isEmulated)
    {
        _isEmulated = isEmulated;
        _partition = partition;
        _clearsManually = clearsManually;
        _usesRings = usesRings;
    }

    /// <summary>Held while slots change, and while instructions are emulated.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Finds what a slot shows at an address, for who holds the <see cref="Gate"/>.</summary>
    /// <param name="address">The GPA.</param>
    /// <param name="length">How many bytes must lie together.</param>
    /// <param name="write">They are to be written.</param>
    /// <param name="bytes">The bytes, good as long as the gate is held.</param>
    /// <param name="slot">The slot.</param>
    internal unsafe bool TryTranslate(ulong address, int length, bool write, out Span<byte> bytes, out KvmSlot? slot)
    {
        foreach (KvmSlot? candidate in _slots)
        {
            if (candidate is null)
            {
                continue;
            }

            kvm_userspace_memory_region region = candidate.Region;
            ulong offset = unchecked(address - region.guest_phys_addr);
            if (offset < region.memory_size && region.memory_size - offset >= (uint)length && (!write || (region.flags & KVM.KVM_MEM_READONLY) == 0))
            {
                // SAFETY: the core keeps the memory until Unmap returns, which waits for the gate.
                bytes = new Span<byte>((byte*)(region.userspace_addr + offset), length);
                slot = candidate;
                return true;
            }
        }

        bytes = default;
        slot = null;
        return false;
    }

    /// <summary>Adds the pages that emulated instructions have written to a bitmap, and forgets them.</summary>
    internal void CollectEmulatedPages(KvmSlot slot, Span<ulong> bitmap)
    {
        lock (Gate)
        {
            if (slot.EmulatedPages is not { } pages)
            {
                return;
            }

            for (int i = 0; i < bitmap.Length; i++)
            {
                bitmap[i] |= pages[i];
            }

            pages.AsSpan().Clear();
        }
    }

    internal KvmSlot Map(ulong address, SafeMapping block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages)
    {
        int number = _slots.IndexOf(null);
        if (number < 0)
        {
            number = _slots.Count;
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
        StartPages(slot, trackDirtyPages);
        lock (Gate)
        {
            if (number == _slots.Count)
            {
                _slots.Add(slot);
            }
            else
            {
                _slots[number] = slot;
            }
        }

        return slot;
    }

    internal void Unmap(KvmSlot slot)
    {
        Set(slot.Region with { memory_size = 0, flags = 0 });
        lock (Gate)
        {
            _slots[(int)slot.Region.slot] = null;
        }
    }

    internal void SetDirtyTracking(KvmSlot slot, bool enabled)
    {
        kvm_userspace_memory_region region = slot.Region;
        region.flags = enabled ? region.flags | KVM.KVM_MEM_LOG_DIRTY_PAGES : region.flags & ~KVM.KVM_MEM_LOG_DIRTY_PAGES;
        Set(region);
        lock (Gate)
        {
            slot.Region = region;
            StartPages(slot, enabled);
        }
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
                    num_pages = (uint)(slot.Region.memory_size / (uint)_partition.PageSize),
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

    private void StartPages(KvmSlot slot, bool enabled)
    {
        slot.RingPages = enabled && _usesRings ? NewPages() : null;
        slot.EmulatedPages = enabled && _isEmulated ? NewPages() : null;

        ulong[] NewPages() => new ulong[DirtyPageBitmap.WordsFor(slot.Region.memory_size, _partition.PageSize)];
    }

    private void Set(kvm_userspace_memory_region region) =>
        _partition.Control(KVM.KVM_SET_USER_MEMORY_REGION, ref region, nameof(KVM.KVM_SET_USER_MEMORY_REGION));
}
