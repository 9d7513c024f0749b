using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>Lets chosen model-specific registers leave the guest (api.rst, KVM_CAP_X86_USER_SPACE_MSR and KVM_X86_SET_MSR_FILTER).</summary>
internal static class KvmMsrFilter
{
    /// <summary>A zero bit denies, and what is denied leaves: bitmaps of zeros, as long as the largest range needs.</summary>
    private const int MaxBitmapBytes = 0x600;

    internal static unsafe void Apply(SafeFd partition, X64PartitionOptions options)
    {
        uint reasons = (options.MsrExits.Count > 0 ? KVM.KVM_MSR_EXIT_REASON_FILTER : 0)
            | (options.ExitOnUnknownMsr ? KVM.KVM_MSR_EXIT_REASON_UNKNOWN | KVM.KVM_MSR_EXIT_REASON_INVAL : 0);
        if (reasons == 0)
        {
            return;
        }

        partition.EnableCapability(KVM.KVM_CAP_X86_USER_SPACE_MSR, reasons, nameof(KVM.KVM_CAP_X86_USER_SPACE_MSR));
        if (options.MsrExits.Count == 0)
        {
            return;
        }

        byte* zeros = stackalloc byte[MaxBitmapBytes];
        new Span<byte>(zeros, MaxBitmapBytes).Clear();
        kvm_msr_filter filter = default;
        for (int i = 0; i < options.MsrExits.Count; i++)
        {
            X64MsrRange range = options.MsrExits[i];
            filter.ranges[i] = new kvm_msr_filter_range
            {
                flags = (range.Access.HasFlag(X64MsrAccess.Read) ? KVM.KVM_MSR_FILTER_READ : 0)
                    | (range.Access.HasFlag(X64MsrAccess.Write) ? KVM.KVM_MSR_FILTER_WRITE : 0),
                nmsrs = (uint)range.Count,
                @base = range.First,
                bitmap = (ulong)zeros,
            };
        }

        // SAFETY: the kernel reads at most 0x600 bytes through each pointer (X64PartitionOptions bounds the count), and the stack outlives the call.
        partition.Control(KVM.KVM_X86_SET_MSR_FILTER, ref filter, nameof(KVM.KVM_X86_SET_MSR_FILTER));
    }
}
