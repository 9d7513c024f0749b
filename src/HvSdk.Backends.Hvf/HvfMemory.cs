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
        }

        return mapping;
    }

    internal void Unmap(HvfMapping mapping)
    {
        lock (_gate)
        {
            HvfError.Check(functions.hv_vm_unmap(mapping.Address, (nuint)mapping.Size), nameof(HvFunctions.hv_vm_unmap));
            _mappings.Remove(mapping);
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

    /// <summary>A write has left the guest: where its page is tracked it is marked, and the guest may go on.</summary>
    /// <returns>False where the write is no first write to a tracked page.</returns>
    internal bool TryMarkWritten(ulong address)
    {
        lock (_gate)
        {
            if (Find(address) is not { Access: MemoryAccess.ReadWrite, DirtyPages: { } pages } mapping)
            {
                return false;
            }

            ulong page = (address - mapping.Address) / PageSize;
            pages[page / 64] |= 1UL << (int)(page % 64);
            Protect(mapping.Address + (page * PageSize), PageSize, All);
            return true;
        }
    }

    /// <summary>The guest has memory there that it may read.</summary>
    internal bool Holds(ulong address, out MemoryAccess access)
    {
        lock (_gate)
        {
            HvfMapping? mapping = Find(address);
            access = mapping?.Access ?? default;
            return mapping is not null;
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
