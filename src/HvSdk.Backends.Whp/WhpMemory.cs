using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>The guest's memory: what the platform maps, and the same for the emulator, which reads and writes it on the guest's behalf.</summary>
/// <remarks>
/// The core serializes changes. Emulators look without a lock at an array that is replaced as a whole; each holds its own gate while it does, and
/// who unmaps passes through all gates before the memory may go.
/// </remarks>
internal sealed unsafe class WhpMemory(WhvPartition partition)
{
    internal const int PageSize = 4096;

    /// <summary>Partitions of this process that have memory: the platform is known to allow one (platform notes in docs/backends.md).</summary>
    private static int s_partitionsWithMemory;

    private readonly List<object> _gates = [];
    private WhpMapping[] _sorted = [];

    internal WhpMapping Map(ulong address, WhpMemoryBlock block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages)
    {
        var mapping = new WhpMapping(address, size, block.Pointer + offset, access);
        int others = Volatile.Read(ref s_partitionsWithMemory) - (_sorted.Length > 0 ? 1 : 0);
        int result = TryMap(mapping, trackDirtyPages);
        if (result < 0)
        {
            throw others > 0 ? AnotherPartition(result) : WhpError.FromResult(nameof(WhvFunctions.WHvMapGpaRange), result);
        }

        mapping.TrackEmulator(trackDirtyPages);
        if (_sorted.Length == 0)
        {
            Interlocked.Increment(ref s_partitionsWithMemory);
        }

        WhpMapping[] sorted = [.. _sorted, mapping];
        Array.Sort(sorted, static (x, y) => x.Address.CompareTo(y.Address));
        Volatile.Write(ref _sorted, sorted);
        return mapping;
    }

    internal void Unmap(WhpMapping mapping)
    {
        WhpError.Check(partition.Functions.WHvUnmapGpaRange(partition.Number, mapping.Address, mapping.Size), nameof(WhvFunctions.WHvUnmapGpaRange));
        Volatile.Write(ref _sorted, Array.FindAll(_sorted, other => other != mapping));
        if (_sorted.Length == 0)
        {
            Interlocked.Decrement(ref s_partitionsWithMemory);
        }

        PassThroughGates();
    }

    /// <summary>The partition goes, with whatever is still mapped.</summary>
    internal void Clear()
    {
        if (_sorted.Length > 0)
        {
            Interlocked.Decrement(ref s_partitionsWithMemory);
        }

        Volatile.Write(ref _sorted, []);
    }

    /// <summary>Maps the range anew, with or without tracking: the platform replaces a mapping as a whole.</summary>
    internal void SetDirtyTracking(WhpMapping mapping, bool enabled)
    {
        if (enabled == mapping.TracksDirtyPages)
        {
            if (enabled)
            {
                Query(mapping, null, 0); // starts anew
                mapping.TrackEmulator(true);
            }

            return;
        }

        WhpError.Check(TryMap(mapping, enabled), nameof(WhvFunctions.WHvMapGpaRange));
        mapping.TrackEmulator(enabled);
    }

    internal void CollectDirtyPages(WhpMapping mapping, Span<ulong> bitmap)
    {
        bitmap.Clear();
        // SAFETY: the bitmap has a bit for each page of the mapping, in whole words, and is pinned.
        fixed (ulong* words = bitmap)
        {
            Query(mapping, words, (uint)(bitmap.Length * sizeof(ulong)));
        }

        mapping.TakeEmulatorPages(bitmap);
    }

    /// <summary>Asks the platform to bring a page in, where it can be asked.</summary>
    internal bool TryPopulate(ulong address, ulong size, WHV_MEMORY_ACCESS_TYPE access)
    {
        if (partition.Functions.WHvAdviseGpaRange is null)
        {
            return false;
        }

        WHV_MEMORY_RANGE_ENTRY range = new() { GuestAddress = address, SizeInBytes = size };
        WHV_ADVISE_GPA_RANGE_POPULATE advice = new() { AccessType = access };
        return partition.Functions.WHvAdviseGpaRange(
            partition.Number, &range, 1, WHV_ADVISE_GPA_RANGE_CODE.WHvAdviseGpaRangeCodePopulate, &advice, (uint)sizeof(WHV_ADVISE_GPA_RANGE_POPULATE)) >= 0;
    }

    /// <summary>A vCPU's emulator holds its gate while it touches memory.</summary>
    internal void AddGate(object gate)
    {
        lock (_gates)
        {
            _gates.Add(gate);
        }
    }

    internal void RemoveGate(object gate)
    {
        lock (_gates)
        {
            _gates.Remove(gate);
        }
    }

    /// <summary>The mapping that holds a GPA, or null. Callers hold their gate, or only look.</summary>
    internal WhpMapping? Find(ulong address)
    {
        WhpMapping[] sorted = Volatile.Read(ref _sorted);
        int low = 0;
        int high = sorted.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            WhpMapping mapping = sorted[middle];
            if (address < mapping.Address)
            {
                high = middle - 1;
            }
            else if (address - mapping.Address >= mapping.Size)
            {
                low = middle + 1;
            }
            else
            {
                return mapping;
            }
        }

        return null;
    }

    /// <summary>Where bytes of the guest lie in this process, or null. The run does not cross a page.</summary>
    internal byte* Translate(ulong address, int size, bool write, out WhpMapping? mapping)
    {
        mapping = Find(address);
        if (mapping is null || (write && mapping.Access == MemoryAccess.ReadOnly) || mapping.Size - (address - mapping.Address) < (ulong)size)
        {
            return null;
        }

        return mapping.Host + (address - mapping.Address);
    }

    private int TryMap(WhpMapping mapping, bool trackDirtyPages)
    {
        WHV_MAP_GPA_RANGE_FLAGS flags = WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagRead | WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagExecute;
        flags |= mapping.Access == MemoryAccess.ReadWrite ? WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagWrite : 0;
        flags |= trackDirtyPages ? WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagTrackDirtyPages : 0;

        // SAFETY: the block holds size bytes from there; the core keeps it until the mapping is gone.
        return partition.Functions.WHvMapGpaRange(partition.Number, mapping.Host, mapping.Address, mapping.Size, flags);
    }

    private void Query(WhpMapping mapping, ulong* bitmap, uint bytes) => WhpError.Check(
        partition.Functions.WHvQueryGpaRangeDirtyBitmap(partition.Number, mapping.Address, mapping.Size, bitmap, bytes),
        nameof(WhvFunctions.WHvQueryGpaRangeDirtyBitmap));

    private void PassThroughGates()
    {
        object[] gates;
        lock (_gates)
        {
            gates = [.. _gates];
        }

        foreach (object gate in gates)
        {
            lock (gate)
            {
                // Who comes out of here later finds the new array.
            }
        }
    }

    private static HypervisorException AnotherPartition(int result) => new(
        WhpError.BackendName,
        nameof(WhvFunctions.WHvMapGpaRange),
        result,
        $"{WhpError.Describe(result)}. Another partition of this process has memory, and the platform lets one partition of a process have any.",
        "Dispose of the other partition first, or run the second one in a process of its own.");
}
