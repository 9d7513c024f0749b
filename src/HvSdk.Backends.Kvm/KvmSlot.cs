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

    internal bool TracksDirtyPages => (Region.flags & KVM.KVM_MEM_LOG_DIRTY_PAGES) != 0;
}
