using System.Runtime.Intrinsics.X86;
using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Answers one leaf and subleaf.</summary>
internal delegate WHV_CPUID_OUTPUT CpuidSource(uint leaf, uint subleaf);

/// <summary>Between <see cref="X64CpuidTable"/> and what the platform takes and gives.</summary>
internal static unsafe class WhpCpuid
{
    private const uint FeatureLeaf = 0x1;
    private const uint CacheLeaf = 0x4;
    private const uint ExtendedFeatureLeaf = 0x7;
    private const uint TopologyLeaf = 0xB;
    private const uint XsaveLeaf = 0xD;
    private const uint TopologyLeafV2 = 0x1F;
    private const uint HypervisorLeaf = 0x4000_0000;
    private const uint ExtendedLeaf = 0x8000_0000;
    private const uint AmdCacheLeaf = 0x8000_001D;
    private const uint AmdTopologyLeaf = 0x8000_001E;

    private const uint MaxBasicLeaf = 0x24;
    private const uint MaxHypervisorLeaf = HypervisorLeaf + 0xC;
    private const uint MaxExtendedLeaf = ExtendedLeaf + 0x28;
    private const uint MaxListSubleaves = 16;
    private const uint HypervisorPresent = 1U << 31;

    /// <summary>What the processor of this machine answers: the table where the platform does not tell its own.</summary>
    internal static WHV_CPUID_OUTPUT AskProcessor(uint leaf, uint subleaf)
    {
        if (!X86Base.IsSupported)
        {
            return default;
        }

        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)subleaf);
        return new() { Eax = (uint)eax, Ebx = (uint)ebx, Ecx = (uint)ecx, Edx = (uint)edx };
    }

    /// <summary>All answers of a source (Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E).</summary>
    internal static List<X64CpuidEntry> Enumerate(CpuidSource source)
    {
        var entries = new List<X64CpuidEntry>();
        AddRange(entries, source, 0, uint.Min(source(0, 0).Eax, MaxBasicLeaf));
        if ((source(FeatureLeaf, 0).Ecx & HypervisorPresent) != 0)
        {
            AddRange(entries, source, HypervisorLeaf, uint.Clamp(source(HypervisorLeaf, 0).Eax, HypervisorLeaf, MaxHypervisorLeaf));
        }

        AddRange(entries, source, ExtendedLeaf, uint.Clamp(source(ExtendedLeaf, 0).Eax, ExtendedLeaf, MaxExtendedLeaf));
        return entries;
    }

    /// <summary>The bits of an answer that are a vCPU's own or follow its state, which the platform keeps.</summary>
    internal static WHV_CPUID_OUTPUT MaskOf(uint leaf, uint? subleaf)
    {
        const uint osxsave = 1U << 27;
        const uint ospke = 1U << 4;
        WHV_CPUID_OUTPUT mask = new() { Eax = uint.MaxValue, Ebx = uint.MaxValue, Ecx = uint.MaxValue, Edx = uint.MaxValue };
        switch (leaf)
        {
            case FeatureLeaf: // EBX bits 31 to 24: the local APIC's ID
                mask.Ebx = 0x00FF_FFFF;
                mask.Ecx = ~osxsave;
                break;
            case ExtendedFeatureLeaf when subleaf is null or 0:
                mask.Ecx = ~ospke;
                break;
            case TopologyLeaf or TopologyLeafV2: // EDX: the x2APIC ID
                mask.Edx = 0;
                break;
            case XsaveLeaf when subleaf is null or 0 or 1: // EBX: the size of what XCR0 enables
                mask.Ebx = 0;
                break;
            case AmdTopologyLeaf: // EAX: the extended APIC ID
                mask.Eax = 0;
                break;
        }

        return mask;
    }

    /// <summary>The entries in which a table differs from the platform's own; what it lacks is all zeros.</summary>
    internal static List<X64CpuidEntry> FindChanges(X64CpuidTable table, IReadOnlyList<X64CpuidEntry> own)
    {
        var changes = new List<X64CpuidEntry>();
        foreach (X64CpuidEntry entry in table)
        {
            if (!own.Contains(entry))
            {
                changes.Add(entry);
            }
        }

        foreach (X64CpuidEntry entry in own)
        {
            if (!table.TryGet(entry.Leaf, entry.Subleaf ?? 0, out _))
            {
                changes.Add(new X64CpuidEntry(entry.Leaf, entry.Subleaf, 0, 0, 0, 0));
            }
        }

        return changes;
    }

    /// <summary>Gives the changes to the platform, in the best way that it takes.</summary>
    /// <param name="partition">The partition, not set up yet.</param>
    /// <param name="changes">The changes.</param>
    /// <param name="canExit">CPUID can leave the guest.</param>
    /// <returns>True where CPUID has to leave the guest for the changed leaves.</returns>
    internal static bool Apply(WhvPartition partition, List<X64CpuidEntry> changes, bool canExit)
    {
        // 20H2: answers by leaf and subleaf, with masks.
        WHV_X64_CPUID_RESULT2[] results2 = [.. changes.Select(static entry => new WHV_X64_CPUID_RESULT2
        {
            Function = entry.Leaf,
            Index = entry.Subleaf ?? 0,
            Flags = entry.Subleaf is null ? 0 : WHV_X64_CPUID_RESULT2_FLAGS.WHvX64CpuidResult2FlagSubleafSpecific,
            Output = new WHV_CPUID_OUTPUT { Eax = entry.Eax, Ebx = entry.Ebx, Ecx = entry.Ecx, Edx = entry.Edx },
            Mask = MaskOf(entry.Leaf, entry.Subleaf),
        })];
        int result = partition.TrySet<WHV_X64_CPUID_RESULT2>(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList2, results2);
        if (result >= 0)
        {
            return false;
        }

        if (canExit)
        {
            uint[] leaves = [.. changes.Select(static entry => entry.Leaf).Distinct()];
            if (partition.TrySet<uint>(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidExitList, leaves) >= 0)
            {
                return true;
            }
        }

        // 1803: whole answers of a leaf, whatever the subleaf and the vCPU.
        if (changes.Find(static entry => entry.Subleaf is not null) is { Leaf: not 0 } specific)
        {
            throw WhpError.Create(
                nameof(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList2),
                result,
                $"{WhpError.Describe(result)}. This Windows replaces no answer of a single subleaf, as leaf 0x{specific.Leaf:X} has them; leave it as it is.");
        }

        WHV_X64_CPUID_RESULT[] results = [.. changes.Select(static entry => new WHV_X64_CPUID_RESULT
        {
            Function = entry.Leaf,
            Eax = entry.Eax,
            Ebx = entry.Ebx,
            Ecx = entry.Ecx,
            Edx = entry.Edx,
        })];
        WhpError.Check(
            partition.TrySet<WHV_X64_CPUID_RESULT>(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList, results),
            nameof(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidResultList));
        return false;
    }

    private static void AddRange(List<X64CpuidEntry> entries, CpuidSource source, uint first, uint last)
    {
        for (uint leaf = first; leaf <= last; leaf++)
        {
            uint? subleaves = CountSubleaves(source, leaf);
            for (uint subleaf = 0; subleaf < (subleaves ?? 1); subleaf++)
            {
                WHV_CPUID_OUTPUT output = source(leaf, subleaf);
                bool isEmpty = (output.Eax | output.Ebx | output.Ecx | output.Edx) == 0;
                if (!isEmpty || subleaf == 0)
                {
                    entries.Add(new X64CpuidEntry(leaf, subleaves is null ? null : subleaf, output.Eax, output.Ebx, output.Ecx, output.Edx));
                }
            }
        }
    }

    /// <summary>How many subleaves a leaf has, or null where its answer does not depend on one.</summary>
    private static uint? CountSubleaves(CpuidSource source, uint leaf)
    {
        switch (leaf)
        {
            case CacheLeaf or AmdCacheLeaf:
                return CountWhile(subleaf => (source(leaf, subleaf).Eax & 0x1F) != 0); // type of the cache
            case TopologyLeaf or TopologyLeafV2:
                return CountWhile(subleaf => (source(leaf, subleaf).Ecx & 0xFF00) != 0); // type of the level
            case ExtendedFeatureLeaf or 0x14 or 0x17 or 0x18 or 0x1D or 0x20 or 0x24:
                return uint.Min(source(leaf, 0).Eax, MaxListSubleaves) + 1;
            case XsaveLeaf:
                return 64;
            case 0xF or 0x10 or 0x12 or 0x1E:
                return 4;
            default:
                return null;
        }

        // The one that ends the list belongs to it.
        static uint CountWhile(Func<uint, bool> exists)
        {
            uint count = 0;
            while (count < MaxListSubleaves && exists(count))
            {
                count++;
            }

            return count + 1;
        }
    }
}
