using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>The kernel's counters for a partition or a vCPU, by its own description of them (api.rst, KVM_GET_STATS_FD).</summary>
internal static class KvmStatistics
{
    /// <summary>More than any kernel describes: a bound on what we read, for it comes from outside.</summary>
    private const int MaxDescriptors = 4096;
    private const int MaxNameSize = 4096;

    internal static HostStatistic[] Read(SafeFd owner)
    {
        using SafeFd statistics = owner.Open(KVM.KVM_GET_STATS_FD, 0, nameof(KVM.KVM_GET_STATS_FD));
        kvm_stats_header header = default;
        statistics.ReadAt(MemoryMarshal.AsBytes(new Span<kvm_stats_header>(ref header)), 0, "read of statistics");
        int descriptorSize = Unsafe.SizeOf<kvm_stats_desc>() + (int)uint.Min(header.name_size, MaxNameSize);
        byte[] descriptors = new byte[(int)uint.Min(header.num_desc, MaxDescriptors) * descriptorSize];
        statistics.ReadAt(descriptors, header.desc_offset, "read of statistics");

        var result = new HostStatistic[descriptors.Length / descriptorSize];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = Read(statistics, header, descriptors.AsSpan(i * descriptorSize, descriptorSize));
        }

        return result;
    }

    private static HostStatistic Read(SafeFd statistics, in kvm_stats_header header, ReadOnlySpan<byte> bytes)
    {
        kvm_stats_desc descriptor = MemoryMarshal.Read<kvm_stats_desc>(bytes);
        ReadOnlySpan<byte> name = bytes[Unsafe.SizeOf<kvm_stats_desc>()..];
        int end = name.IndexOf((byte)0);
        ulong[] values = new ulong[descriptor.size];
        statistics.ReadAt(MemoryMarshal.AsBytes(values.AsSpan()), header.data_offset + (long)descriptor.offset, "read of statistics");
        return new HostStatistic(
            Encoding.UTF8.GetString(end < 0 ? name : name[..end]),
            values,
            Unit(descriptor.flags),
            descriptor.exponent,
            (descriptor.flags & KVM.KVM_STATS_BASE_MASK) == KVM.KVM_STATS_BASE_POW2 ? 2 : 10);
    }

    private static string Unit(uint flags) => (flags & KVM.KVM_STATS_UNIT_MASK) switch
    {
        KVM.KVM_STATS_UNIT_BYTES => "bytes",
        KVM.KVM_STATS_UNIT_SECONDS => "seconds",
        KVM.KVM_STATS_UNIT_CYCLES => "cycles",
        KVM.KVM_STATS_UNIT_BOOLEAN => "boolean",
        _ => "",
    };
}
