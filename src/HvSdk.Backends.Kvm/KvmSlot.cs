using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>A memory slot in use: what the core holds as the token of a mapping.</summary>
internal sealed class KvmSlot
{
    internal KvmSlot(kvm_userspace_memory_region region) => Region = region;

    /// <summary>The slot as the kernel knows it.</summary>
    internal kvm_userspace_memory_region Region { get; set; }

    /// <summary>Pages that the dirty rings have named; null where the kernel keeps the bitmap.</summary>
    internal ulong[]? RingPages { get; set; }

    /// <summary>Pages that emulated instructions have written, of which the kernel does not know; null where nobody asks.</summary>
    internal ulong[]? EmulatedPages { get; set; }

    internal void MarkEmulatedPage(ulong address)
    {
        if (EmulatedPages is { } pages)
        {
            ulong page = (address - Region.guest_phys_addr) / (uint)Environment.SystemPageSize;
            pages[page / 64] |= 1UL << (int)(page % 64);
        }
    }

    internal bool TracksDirtyPages => (Region.flags & KVM.KVM_MEM_LOG_DIRTY_PAGES) != 0;
}
