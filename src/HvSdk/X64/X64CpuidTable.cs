using System.Collections;

namespace HvSdk;

/// <summary>The CPUID answers that a partition's vCPUs see: at most one per leaf and subleaf.</summary>
/// <remarks>
/// <see cref="X64Host.GetSupportedCpuid"/> gives what the host can offer; <see cref="X64PartitionOptions.ConfigureCpuid"/> edits it. Fields
/// that name the vCPU itself (APIC IDs in leaves 1, 0xB and 0x1F) are filled in per vCPU when it is created. Not safe for concurrent changes.
/// </remarks>
public sealed class X64CpuidTable : IReadOnlyCollection<X64CpuidEntry>
{
    private readonly SortedDictionary<(uint Leaf, uint? Subleaf), X64CpuidEntry> _entries;

    /// <summary>An empty table.</summary>
    public X64CpuidTable()
        : this([])
    {
    }

    /// <summary>A table of the given entries; of two with the same leaf and subleaf the later one stays.</summary>
    /// <param name="entries">The entries.</param>
    public X64CpuidTable(IEnumerable<X64CpuidEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        _entries = new(Comparer<(uint Leaf, uint? Subleaf)>.Create(static (x, y) =>
            x.Leaf != y.Leaf ? x.Leaf.CompareTo(y.Leaf) : Nullable.Compare(x.Subleaf, y.Subleaf)));
        foreach (X64CpuidEntry entry in entries)
        {
            Set(entry);
        }
    }

    /// <inheritdoc/>
    public int Count => _entries.Count;

    /// <summary>Adds an entry, or replaces the one of the same leaf and subleaf.</summary>
    /// <param name="entry">The entry.</param>
    public void Set(X64CpuidEntry entry) => _entries[(entry.Leaf, entry.Subleaf)] = entry;

    /// <summary>Removes the entry of a leaf and subleaf; the guest then reads what its processor gives for absent leaves.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="subleaf">The subleaf, or null for a leaf without any.</param>
    /// <returns>True where there was one.</returns>
    public bool Remove(uint leaf, uint? subleaf = null) => _entries.Remove((leaf, subleaf));

    /// <summary>The answer for a leaf and subleaf.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="subleaf">The subleaf; an entry without subleaf answers for each.</param>
    /// <param name="entry">The entry found.</param>
    /// <returns>True where there is one.</returns>
    public bool TryGet(uint leaf, uint subleaf, out X64CpuidEntry entry) =>
        _entries.TryGetValue((leaf, subleaf), out entry) || _entries.TryGetValue((leaf, null), out entry);

    /// <inheritdoc/>
    public IEnumerator<X64CpuidEntry> GetEnumerator() => _entries.Values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
