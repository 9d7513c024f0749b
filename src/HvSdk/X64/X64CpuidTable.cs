using System.Collections;

namespace HvSdk;

/// <summary>The CPUID answers that a partition's vCPUs see: at most one per leaf and subleaf.</summary>
/// <remarks>
/// <see cref="X64Host.GetSupportedCpuid"/> gives what the host can offer; <see cref="X64PartitionOptions.ConfigureCpuid"/> edits it. Fields
/// that name the vCPU itself (APIC IDs in leaves 1, 0xB and 0x1F) are filled in per vCPU when it is created. Not safe for concurrent changes.
/// </remarks>
public sealed class X64CpuidTable : IReadOnlyCollection<X64CpuidEntry>
{
    private const int InitialCapacity = 64;

    // By leaf and subleaf. An array of our own: a collection of the framework over a struct of ours is compiled anew in each process that starts.
    private X64CpuidEntry[] _entries = [];
    private int _moves; // how often entries came or went

    /// <summary>An empty table.</summary>
    public X64CpuidTable()
    {
    }

    /// <summary>A table of the given entries; of two with the same leaf and subleaf the later one stays.</summary>
    /// <param name="entries">The entries.</param>
    public X64CpuidTable(IEnumerable<X64CpuidEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        foreach (X64CpuidEntry entry in entries)
        {
            Set(entry);
        }
    }

    /// <inheritdoc/>
    public int Count { get; private set; }

    /// <summary>Adds an entry, or replaces the one of the same leaf and subleaf.</summary>
    /// <param name="entry">The entry.</param>
    public void Set(X64CpuidEntry entry)
    {
        int place = Find(entry.Leaf, entry.Subleaf);
        if (place < 0)
        {
            place = ~place;
            if (Count == _entries.Length)
            {
                Array.Resize(ref _entries, int.Max(InitialCapacity, 2 * Count));
            }

            Array.Copy(_entries, place, _entries, place + 1, Count - place);
            Count++;
            _moves++;
        }

        _entries[place] = entry;
    }

    /// <summary>Removes the entry of a leaf and subleaf; the guest then reads what its processor gives for absent leaves.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="subleaf">The subleaf, or null for a leaf without any.</param>
    /// <returns>True where there was one.</returns>
    public bool Remove(uint leaf, uint? subleaf = null)
    {
        int place = Find(leaf, subleaf);
        if (place < 0)
        {
            return false;
        }

        Count--;
        _moves++;
        Array.Copy(_entries, place + 1, _entries, place, Count - place);
        return true;
    }

    /// <summary>The answer for a leaf and subleaf.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="subleaf">The subleaf; an entry without subleaf answers for each.</param>
    /// <param name="entry">The entry found.</param>
    /// <returns>True where there is one.</returns>
    public bool TryGet(uint leaf, uint subleaf, out X64CpuidEntry entry)
    {
        int place = Find(leaf, subleaf);
        place = place >= 0 ? place : Find(leaf, null);
        entry = place >= 0 ? _entries[place] : default;
        return place >= 0;
    }

    /// <inheritdoc/>
    public IEnumerator<X64CpuidEntry> GetEnumerator()
    {
        int moves = _moves;
        for (int i = 0; i < Count; i++)
        {
            yield return _entries[i];
            if (moves != _moves)
            {
                throw new InvalidOperationException("The table was changed while it was being enumerated: entries were added or removed. Enumerate a copy.");
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The entry's place, or the complement of the place where it belongs.</summary>
    private int Find(uint leaf, uint? subleaf)
    {
        (int low, int high) = (0, Count);
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            int order = Compare(_entries[middle], leaf, subleaf);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle);
        }

        return ~low;
    }

    // An entry without subleaf comes before those with one.
    private static int Compare(in X64CpuidEntry entry, uint leaf, uint? subleaf) =>
        entry.Leaf != leaf ? entry.Leaf.CompareTo(leaf)
        : entry.Subleaf is { } own && subleaf is { } other ? own.CompareTo(other)
        : entry.Subleaf.HasValue.CompareTo(subleaf.HasValue);
}
