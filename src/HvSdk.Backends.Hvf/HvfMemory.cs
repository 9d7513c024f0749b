using System.Buffers.Binary;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>The guest's memory. The framework tracks no pages: a tracked mapping is write-protected, and its first write to a page leaves the guest.</summary>
internal sealed unsafe class HvfMemory(HvFunctions functions)
{
    private const HvMemoryFlags ReadExecute = HvMemoryFlags.HV_MEMORY_READ | HvMemoryFlags.HV_MEMORY_EXEC;
    private const HvMemoryFlags All = ReadExecute | HvMemoryFlags.HV_MEMORY_WRITE;
    private const ulong PageSize = HvfCapabilities.PageSize;

    private readonly object _gate = new();
    private readonly List<HvfMapping> _mappings = [];
    private long _changes;

    /// <summary>How often the memory has changed: an abort that was taken before a change may have met what is gone.</summary>
    internal long Changes => Volatile.Read(ref _changes);

    internal HvfMapping Map(ulong address, HvfMemoryBlock block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages)
    {
        var mapping = new HvfMapping(address, size, block.Pointer + offset, access)
        {
            DirtyPages = trackDirtyPages ? NewBitmap(size) : null,
        };
        lock (_gate)
        {
            // SAFETY: the block holds size bytes from there; the core keeps it until the mapping is gone.
            HvfError.Check(functions.hv_vm_map(mapping.Host, address, checked((nuint)size), Rights(mapping)), nameof(HvFunctions.hv_vm_map));
            _mappings.Add(mapping);
            _changes++;
        }

        return mapping;
    }

    internal void Unmap(HvfMapping mapping)
    {
        lock (_gate)
        {
            HvfError.Check(functions.hv_vm_unmap(mapping.Address, (nuint)mapping.Size), nameof(HvFunctions.hv_vm_unmap));
            _mappings.Remove(mapping);
            _changes++;
        }
    }

    /// <summary>The partition goes, with whatever is still mapped.</summary>
    internal void Clear()
    {
        lock (_gate)
        {
            foreach (HvfMapping mapping in _mappings)
            {
                functions.hv_vm_unmap(mapping.Address, (nuint)mapping.Size);
            }

            _mappings.Clear();
        }
    }

    internal void SetDirtyTracking(HvfMapping mapping, bool enabled)
    {
        lock (_gate)
        {
            mapping.DirtyPages = enabled ? NewBitmap(mapping.Size) : null;
            Protect(mapping.Address, mapping.Size, Rights(mapping));
            _changes++;
        }
    }

    internal void CollectDirtyPages(HvfMapping mapping, Span<ulong> bitmap)
    {
        lock (_gate)
        {
            // Protected first: what is written from here on is seen the next time.
            Protect(mapping.Address, mapping.Size, Rights(mapping));
            mapping.DirtyPages.AsSpan().CopyTo(bitmap);
            mapping.DirtyPages.AsSpan().Clear();
        }
    }

    /// <summary>Says what an abort of the guest's came upon. A first write to a tracked page is marked, and the guest may go on.</summary>
    /// <param name="address">The GPA.</param>
    /// <param name="isWrite">Whether it is a write.</param>
    /// <param name="changes">What <see cref="Changes"/> was before the guest was entered.</param>
    internal HvfAbort Meet(ulong address, bool isWrite, long changes)
    {
        lock (_gate)
        {
            if (Find(address) is not { } mapping)
            {
                return HvfAbort.NoMemory;
            }

            if (!isWrite || (mapping.Access == MemoryAccess.ReadWrite && mapping.DirtyPages is null))
            {
                return _changes != changes ? HvfAbort.Changed : HvfAbort.Memory;
            }

            if (mapping.Access == MemoryAccess.ReadOnly)
            {
                return HvfAbort.ReadOnlyMemory;
            }

            ulong page = (address - mapping.Address) / PageSize;
            mapping.DirtyPages![page / 64] |= 1UL << (int)(page % 64);
            Protect(mapping.Address + (page * PageSize), PageSize, All);
            return HvfAbort.FirstWrite;
        }
    }

    /// <summary>Reads aligned bytes of the guest, at most 8.</summary>
    internal bool TryRead(ulong address, int size, out ulong value)
    {
        lock (_gate)
        {
            value = 0;
            if (Find(address) is not { } mapping || mapping.Size - (address - mapping.Address) < (ulong)size)
            {
                return false;
            }

            // SAFETY: within the mapping, which the gate keeps.
            Span<byte> bytes = stackalloc byte[sizeof(ulong)];
            new ReadOnlySpan<byte>(mapping.Host + (address - mapping.Address), size).CopyTo(bytes);
            value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            return true;
        }
    }

    private static ulong[] NewBitmap(ulong size) => new ulong[DirtyPageBitmap.WordsFor(size, HvfCapabilities.PageSize)];

    private static HvMemoryFlags Rights(HvfMapping mapping) => mapping.Access == MemoryAccess.ReadWrite && mapping.DirtyPages is null ? All : ReadExecute;

    private HvfMapping? Find(ulong address)
    {
        foreach (HvfMapping mapping in _mappings)
        {
            if (address >= mapping.Address && address - mapping.Address < mapping.Size)
            {
                return mapping;
            }
        }

        return null;
    }

    private void Protect(ulong address, ulong size, HvMemoryFlags rights) =>
        HvfError.Check(functions.hv_vm_protect(address, (nuint)size, rights), nameof(HvFunctions.hv_vm_protect));
}

/// <summary>What an abort of the guest's came upon.</summary>
internal enum HvfAbort
{
    /// <summary>No memory: a device may answer.</summary>
    NoMemory,

    /// <summary>A write to memory that the guest may only read.</summary>
    ReadOnlyMemory,

    /// <summary>The first write to a tracked page.</summary>
    FirstWrite,

    /// <summary>Memory that has come, or may be written, since: the guest tries again.</summary>
    Changed,

    /// <summary>Memory that the host could not provide as asked.</summary>
    Memory,
}
