using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>Between <see cref="X64CpuidTable"/> and struct kvm_cpuid2.</summary>
internal static class KvmCpuid
{
    /// <summary>KVM_MAX_CPUID_ENTRIES of arch/x86/kvm.</summary>
    private const int MaxEntries = 256;

    private const uint FeatureLeaf = 0x1;

    /// <summary>ECX bit 24 of the feature leaf (Intel SDM vol. 2A, CPUID).</summary>
    private const uint TscDeadlineTimer = 1U << 24;

    private const uint TopologyLeaf = 0xB;
    private const uint TopologyLeafV2 = 0x1F;
    private const uint AmdTopologyLeaf = 0x8000_001E;

    /// <summary>Reads a table.</summary>
    /// <param name="descriptor">The device, or a vCPU.</param>
    /// <param name="request">The call.</param>
    /// <param name="operation">Its name.</param>
    /// <param name="maxEntries">Room for so many. A vCPU's must be known: kernels as old as 6.1 do not say how many there are, and leave the rest of the room as it is.</param>
    internal static X64CpuidEntry[] Read(SafeFd descriptor, uint request, string operation, int maxEntries = MaxEntries)
    {
        byte[] buffer = new byte[Unsafe.SizeOf<kvm_cpuid2>() + (maxEntries * Unsafe.SizeOf<kvm_cpuid_entry2>())];
        MemoryMarshal.Write(buffer, new kvm_cpuid2 { nent = (uint)maxEntries });
        descriptor.Control(request, buffer, operation);
        int count = (int)MemoryMarshal.Read<kvm_cpuid2>(buffer).nent;
        var entries = new X64CpuidEntry[count];
        for (int i = 0; i < count; i++)
        {
            kvm_cpuid_entry2 entry = Entries(buffer)[i];
            uint? subleaf = (entry.flags & KVM.KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0 ? entry.index : null;
            entries[i] = new X64CpuidEntry(entry.function, subleaf, entry.eax, entry.ebx, entry.ecx, entry.edx);
        }

        return entries;
    }

    /// <summary>Puts a table into the kernel's form, once for all vCPUs.</summary>
    internal static byte[] ToNative(X64CpuidTable table)
    {
        if (table.Count > MaxEntries)
        {
            throw new ArgumentException($"The CPUID table has {table.Count} entries, and KVM takes {MaxEntries}. Remove some.", nameof(table));
        }

        byte[] buffer = new byte[Unsafe.SizeOf<kvm_cpuid2>() + (table.Count * Unsafe.SizeOf<kvm_cpuid_entry2>())];
        MemoryMarshal.Write(buffer, new kvm_cpuid2 { nent = (uint)table.Count });
        int i = 0;
        foreach (X64CpuidEntry entry in table)
        {
            Entries(buffer)[i++] = ToNative(entry);
        }

        return buffer;
    }

    /// <summary>Gives a vCPU its table, with the fields that name the vCPU itself filled in.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="table">What <see cref="ToNative(X64CpuidTable)"/> gave; partitions share it, and it stays as it is.</param>
    /// <param name="apicId">The vCPU's local APIC ID.</param>
    internal static void Write(SafeFd vcpu, ReadOnlySpan<byte> table, uint apicId)
    {
        Span<byte> own = stackalloc byte[Unsafe.SizeOf<kvm_cpuid2>() + (MaxEntries * Unsafe.SizeOf<kvm_cpuid_entry2>())];
        own = own[..table.Length];
        table.CopyTo(own);
        foreach (ref kvm_cpuid_entry2 entry in Entries(own))
        {
            Name(ref entry, apicId);
        }

        vcpu.Control(KVM.KVM_SET_CPUID2, own, nameof(KVM.KVM_SET_CPUID2));
    }

    /// <summary>Sets or clears the bit of the local APIC timer's TSC-deadline mode.</summary>
    internal static void SetTscDeadlineTimer(Span<X64CpuidEntry> entries, bool isOffered)
    {
        foreach (ref X64CpuidEntry entry in entries)
        {
            if (entry.Leaf == FeatureLeaf)
            {
                entry = entry with { Ecx = (entry.Ecx & ~TscDeadlineTimer) | (isOffered ? TscDeadlineTimer : 0) };
            }
        }
    }

    /// <summary>Entries of what <see cref="ToNative(X64CpuidTable)"/> gave.</summary>
    internal static int Count(ReadOnlySpan<byte> table) => (int)MemoryMarshal.Read<kvm_cpuid2>(table).nent;

    private static Span<kvm_cpuid_entry2> Entries(Span<byte> buffer) => MemoryMarshal.Cast<byte, kvm_cpuid_entry2>(buffer[Unsafe.SizeOf<kvm_cpuid2>()..]);

    private static kvm_cpuid_entry2 ToNative(X64CpuidEntry entry) => new()
    {
        function = entry.Leaf,
        index = entry.Subleaf ?? 0,
        flags = entry.Subleaf is null ? 0 : KVM.KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
        eax = entry.Eax,
        ebx = entry.Ebx,
        ecx = entry.Ecx,
        edx = entry.Edx,
    };

    private static void Name(ref kvm_cpuid_entry2 native, uint apicId)
    {
        switch (native.function)
        {
            case FeatureLeaf: // Intel SDM vol. 2A, CPUID leaf 1: EBX bits 31 to 24
                native.ebx = (native.ebx & 0x00FF_FFFF) | (apicId << 24);
                break;
            case TopologyLeaf or TopologyLeafV2: // EDX is the x2APIC ID
                native.edx = apicId;
                break;
            case AmdTopologyLeaf: // AMD APM vol. 3, E.4.17: EAX is the extended APIC ID
                native.eax = apicId;
                break;
        }
    }
}
