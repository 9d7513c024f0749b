using System.Numerics;

namespace HvSdk.VirtualMachines;

/// <summary>What CPUID tells of a machine's processors beyond what the host offers: that they are virtual; one package, one core for each, no hyper-threads.</summary>
internal static class ProcessorIdentity
{
    private const uint FeatureLeaf = 1;
    private const uint CacheLeaf = 4;
    private const uint ExtendedTopologyLeaf = 0xB;
    private const uint ExtendedTopologyLeafV2 = 0x1F;
    private const uint AmdSizesLeaf = 0x8000_0008;
    private const uint AmdTopologyLeaf = 0x8000_001E;
    private const uint HyperThreading = 1 << 28;

    /// <summary>Leaf 1, ECX bit 31: never set by hardware, so that a guest knows to look for a hypervisor's own leaves (AMD APM vol. 3, E.3.2).</summary>
    private const uint Hypervisor = 1U << 31;
    private const uint SmtLevel = 1 << 8;
    private const uint CoreLevel = 2 << 8;
    private const int MaxLogicalProcessors = 255;
    private const int MaxCacheCores = 64;

    /// <summary>Sets the fields that do not name a processor itself; those the partition fills in.</summary>
    public static void Apply(X64CpuidTable table, int count)
    {
        uint bits = (uint)BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)count));
        foreach (X64CpuidEntry entry in Copy(table))
        {
            switch (entry.Leaf)
            {
                case FeatureLeaf: // Intel SDM vol. 2A, CPUID leaf 1: EBX bits 23 to 16 logical processors, EDX bit 28
                    table.Set(entry with
                    {
                        Ebx = (entry.Ebx & 0xFF00_FFFF) | (uint.Min((uint)count, MaxLogicalProcessors) << 16),
                        Ecx = entry.Ecx | Hypervisor,
                        Edx = count > 1 ? entry.Edx | HyperThreading : entry.Edx & ~HyperThreading,
                    });
                    break;
                case CacheLeaf when (entry.Eax & 0x1F) != 0: // EAX bits 31 to 26: cores in the package, less one; 25 to 14: sharers of the cache, less one
                    uint level = (entry.Eax >> 5) & 7;
                    uint sharers = level >= 3 ? (1U << (int)bits) - 1 : 0;
                    table.Set(entry with { Eax = (entry.Eax & 0x3FFF) | (uint.Min((uint)count, MaxCacheCores) - 1) << 26 | uint.Min(sharers, 0xFFF) << 14 });
                    break;
                case AmdSizesLeaf: // AMD APM vol. 3, E.4.7: ECX bits 15 to 12 size of the core ID, 7 to 0 cores less one
                    table.Set(entry with { Ecx = (entry.Ecx & 0xFFFF_0F00) | bits << 12 | uint.Min((uint)count - 1, 0xFF) });
                    break;
                case AmdTopologyLeaf: // AMD APM vol. 3, E.4.17: EBX bits 15 to 8 threads per core less one; ECX one node
                    table.Set(entry with { Ebx = 0, Ecx = 0 });
                    break;
                case ExtendedTopologyLeaf or ExtendedTopologyLeafV2:
                    table.Remove(entry.Leaf, entry.Subleaf);
                    break;
            }
        }

        // Intel SDM vol. 2A, CPUID leaf 0xB: a thread takes no bit of the APIC ID, a core all of them.
        table.Set(new X64CpuidEntry(ExtendedTopologyLeaf, 0, 0, 1, SmtLevel, 0));
        table.Set(new X64CpuidEntry(ExtendedTopologyLeaf, 1, bits, (uint)count, CoreLevel | 1, 0));
    }

    private static X64CpuidEntry[] Copy(X64CpuidTable table)
    {
        var entries = new X64CpuidEntry[table.Count];
        int i = 0;
        foreach (X64CpuidEntry entry in table)
        {
            entries[i++] = entry;
        }

        return entries;
    }
}
