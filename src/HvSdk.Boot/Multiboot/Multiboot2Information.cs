using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>Writes what a multiboot 2 kernel is told (Multiboot2 Specification version 2.0, 3.6): tags, each at a multiple of 8.</summary>
internal sealed class Multiboot2Information
{
    private const int MapEntrySize = 24;
    private readonly byte[] _bytes;
    private int _length = 8; // total size and a reserved field

    public Multiboot2Information(int capacity) => _bytes = new byte[capacity];

    public static ulong SizeFor(BootMachine machine, int textSize, int moduleCount) =>
        256 + ((ulong)machine.MemoryMap.Count * MapEntrySize) + (ulong)textSize + ((ulong)moduleCount * 32); // 256: all of fixed size, and then some

    public void AddText(uint type, ReadOnlySpan<byte> text) => text.CopyTo(Add(type, text.Length));

    public void AddModule(PlacedModule module, ReadOnlySpan<byte> commandLine)
    {
        Span<byte> tag = Add(3, 8 + commandLine.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(tag, (uint)module.Address);
        BinaryPrimitives.WriteUInt32LittleEndian(tag[4..], (uint)module.End);
        commandLine.CopyTo(tag[8..]);
    }

    public void AddMemory(BootMachine machine)
    {
        (uint lower, uint upper) = MultibootImage.MeasureMemory(machine);
        Span<byte> basic = Add(4, 8);
        BinaryPrimitives.WriteUInt32LittleEndian(basic, lower);
        BinaryPrimitives.WriteUInt32LittleEndian(basic[4..], upper);

        Span<byte> map = Add(6, 8 + (machine.MemoryMap.Count * MapEntrySize));
        BinaryPrimitives.WriteUInt32LittleEndian(map, MapEntrySize); // and entry_version 0
        map = map[8..];
        foreach (MemoryMapEntry entry in machine.MemoryMap)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(map, entry.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(map[8..], entry.Size);
            BinaryPrimitives.WriteUInt32LittleEndian(map[16..], (uint)entry.Kind);
            map = map[MapEntrySize..];
        }
    }

    /// <summary>Adds copies of the ACPI root pointer, of its first version and, where it is of a later one, whole.</summary>
    public void AddRootPointer(BootWriter writer, ulong? address)
    {
        const int FirstSize = 20;
        const int SecondSize = 36;
        Span<byte> pointer = stackalloc byte[SecondSize];
        if (address is not { } place || !writer.TryRead(place, pointer) || !pointer.StartsWith("RSD PTR "u8))
        {
            return;
        }

        pointer[..FirstSize].CopyTo(Add(14, FirstSize));
        if (pointer[15] >= 2) // its revision
        {
            pointer.CopyTo(Add(15, SecondSize));
        }
    }

    public void AddLoadBase(uint address) => BinaryPrimitives.WriteUInt32LittleEndian(Add(21, sizeof(uint)), address);

    public ReadOnlySpan<byte> Finish()
    {
        Add(0, 0);
        BinaryPrimitives.WriteInt32LittleEndian(_bytes, _length);
        return _bytes.AsSpan(0, _length);
    }

    private Span<byte> Add(uint type, int size)
    {
        Span<byte> tag = _bytes.AsSpan(_length);
        BinaryPrimitives.WriteUInt32LittleEndian(tag, type);
        BinaryPrimitives.WriteInt32LittleEndian(tag[4..], size + 8);
        _length = (_length + size + 8 + 7) & ~7;
        return tag.Slice(8, size);
    }
}
