using System.Buffers.Binary;

namespace HvSdk.Emulation.Differential;

/// <summary>What the emulator sees: RAM of its own, whose written pages are known.</summary>
internal readonly struct EmulatorMachine(EmulatorMemory memory) : IX64Machine
{
    private readonly EmulatorMemory _memory = memory;

    public bool TryRead(ulong gpa, Span<byte> data) => _memory.TryRead(gpa, data);

    public bool TryWrite(ulong gpa, ReadOnlySpan<byte> data) => _memory.TryWrite(gpa, data);

    public bool TryCompareExchange(ulong gpa, int size, UInt128 expected, UInt128 desired, out UInt128 found)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        found = 0;
        if (!_memory.TryRead(gpa, bytes[..size]))
        {
            return false;
        }

        found = BinaryPrimitives.ReadUInt128LittleEndian(bytes);
        if (found == expected)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(bytes, desired);
            return _memory.TryWrite(gpa, bytes[..size]);
        }

        return true;
    }

    public bool TryReadMsr(uint index, out ulong value) => _memory.Msrs.TryGetValue(index, out value);

    public bool TryWriteMsr(uint index, ulong value)
    {
        if (!_memory.Msrs.ContainsKey(index))
        {
            return false;
        }

        _memory.Msrs[index] = value;
        return true;
    }

    public void Cpuid(uint leaf, uint subleaf, out uint eax, out uint ebx, out uint ecx, out uint edx) =>
        (eax, ebx, ecx, edx) = _memory.Cpuid is { } table ? Find(table, leaf, subleaf) : (leaf switch { 0x8000_0000 => 0x8000_0008U, 0x8000_0008 => 48U, _ => 0U }, 0U, 0U, 0U);

    // As AMD's processors do: what is not in the table reads as 0, but for the levels of topology, whose EDX is the x2APIC ID and whose CL is what was asked for.
    // (AMD64 APM vol. 3, E.3.9)
    private static (uint Eax, uint Ebx, uint Ecx, uint Edx) Find(X64CpuidTable table, uint leaf, uint subleaf)
    {
        const uint topology = 0xB;
        const uint topology2 = 0x1F;
        if (table.TryGet(leaf, subleaf, out X64CpuidEntry entry))
        {
            return (entry.Eax, entry.Ebx, entry.Ecx, entry.Edx);
        }

        return leaf is topology or topology2 && table.TryGet(leaf, 0, out entry) ? (0U, 0U, subleaf & 0xFF, entry.Edx) : default;
    }

    public ulong ReadTimeStampCounter() => 0;

    public void LoadVectorState(X64CpuState state)
    {
    }
}

/// <summary>RAM of the emulated machine.</summary>
internal sealed class EmulatorMemory
{
    private readonly byte[] _ram;
    private readonly bool[] _isDirty = new bool[MachineMap.RamSize / MachineMap.PageSize];
    private readonly List<int> _dirty = [];

    public EmulatorMemory(ReadOnlySpan<byte> ram) => _ram = ram.ToArray();

    public Dictionary<uint, ulong> Msrs { get; } = [];

    /// <summary>What CPUID answers; null: the sizes of addresses.</summary>
    public X64CpuidTable? Cpuid { get; init; }

    /// <summary>The arena answers as a device does: accesses to it leave the emulator.</summary>
    public bool IsArenaDevice { get; set; }

    /// <summary>Pages written since the last <see cref="Reset"/>.</summary>
    public IReadOnlyList<int> Dirty => _dirty;

    public ReadOnlySpan<byte> Ram => _ram;

    public bool TryRead(ulong gpa, Span<byte> data)
    {
        if (gpa >= MachineMap.RamSize || (IsArenaDevice && gpa is >= MachineMap.Arena and < MachineMap.ArenaEnd))
        {
            return false;
        }

        _ram.AsSpan((int)gpa, data.Length).CopyTo(data);
        return true;
    }

    public bool TryWrite(ulong gpa, ReadOnlySpan<byte> data)
    {
        if (gpa >= MachineMap.RamSize || (IsArenaDevice && gpa is >= MachineMap.Arena and < MachineMap.ArenaEnd))
        {
            return false;
        }

        Write(gpa, data);
        return true;
    }

    /// <summary>Writes, and remembers the pages.</summary>
    public void Write(ulong gpa, ReadOnlySpan<byte> data)
    {
        data.CopyTo(_ram.AsSpan((int)gpa));
        int last = (int)((gpa + (ulong)data.Length - 1) / MachineMap.PageSize);
        for (int page = (int)(gpa / MachineMap.PageSize); page <= last; page++)
        {
            if (!_isDirty[page])
            {
                _isDirty[page] = true;
                _dirty.Add(page);
            }
        }
    }

    /// <summary>Gives the pages that were written their first contents again.</summary>
    public void Reset(ReadOnlySpan<byte> ram)
    {
        foreach (int page in _dirty)
        {
            ram.Slice(page * MachineMap.PageSize, MachineMap.PageSize).CopyTo(_ram.AsSpan(page * MachineMap.PageSize));
            _isDirty[page] = false;
        }

        _dirty.Clear();
    }
}
