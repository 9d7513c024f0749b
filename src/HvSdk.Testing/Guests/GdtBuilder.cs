using System.Buffers.Binary;

namespace HvSdk.Testing;

/// <summary>Lays out a global descriptor table (Intel SDM vol. 3A, 3.4.5 and 3.5). The null descriptor is there from the start.</summary>
public sealed class GdtBuilder
{
    private const int MaxDescriptors = 8192;
    private const uint MaxByteLimit = 0xF_FFFF;

    private readonly List<ulong> _descriptors = [0];

    /// <summary>Adds a descriptor of 8 bytes.</summary>
    /// <param name="segment">The segment; its own selector is ignored.</param>
    /// <returns>The new selector, with the segment's privilege level in its low two bits.</returns>
    public ushort Add(in X64Segment segment) => Append(segment, [Encode(segment)]);

    /// <summary>Adds a system descriptor of 16 bytes, as long mode has them for task state segments and LDTs.</summary>
    /// <param name="segment">The segment; its own selector is ignored.</param>
    /// <returns>The new selector, with the segment's privilege level in its low two bits.</returns>
    public ushort AddLongSystem(in X64Segment segment)
    {
        if (segment.IsCodeOrData)
        {
            throw new ArgumentException("Code and data descriptors have 8 bytes in long mode too.", nameof(segment));
        }

        return Append(segment, [Encode(segment with { Base = (uint)segment.Base }), segment.Base >> 32]);
    }

    /// <summary>The table's bytes.</summary>
    public byte[] Build()
    {
        byte[] table = new byte[_descriptors.Count * sizeof(ulong)];
        for (int i = 0; i < _descriptors.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(i * sizeof(ulong)), _descriptors[i]);
        }

        return table;
    }

    /// <summary>The descriptor of 8 bytes from which the processor would load a segment.</summary>
    /// <param name="segment">The segment.</param>
    public static ulong Encode(in X64Segment segment)
    {
        if (segment.Base > uint.MaxValue)
        {
            throw new ArgumentException($"A descriptor of 8 bytes holds a 32-bit base, not 0x{segment.Base:X}.", nameof(segment));
        }

        if (segment.IsGranular ? (segment.Limit & 0xFFF) != 0xFFF : segment.Limit > MaxByteLimit)
        {
            string rule = segment.IsGranular ? "a granular one ends in 0xFFF" : "without granularity it is at most 0xFFFFF";
            throw new ArgumentException($"The limit 0x{segment.Limit:X} fits no descriptor: {rule}.", nameof(segment));
        }

        if (segment.Type > 0xF || segment.PrivilegeLevel > 3)
        {
            throw new ArgumentException("The type goes to 15 and the privilege level to 3.", nameof(segment));
        }

        ulong limit = segment.IsGranular ? segment.Limit >> 12 : segment.Limit;
        return (limit & 0xFFFF)
            | ((segment.Base & 0xFF_FFFF) << 16)
            | ((ulong)segment.Type << 40)
            | Bit(segment.IsCodeOrData, 44)
            | ((ulong)segment.PrivilegeLevel << 45)
            | Bit(segment.IsPresent, 47)
            | ((limit >> 16) << 48)
            | Bit(segment.IsAvailable, 52)
            | Bit(segment.IsLong, 53)
            | Bit(segment.IsDefault32, 54)
            | Bit(segment.IsGranular, 55)
            | ((segment.Base >> 24) << 56);
    }

    private static ulong Bit(bool value, int position) => value ? 1UL << position : 0;

    private ushort Append(in X64Segment segment, ReadOnlySpan<ulong> descriptor)
    {
        if (_descriptors.Count + descriptor.Length > MaxDescriptors)
        {
            throw new InvalidOperationException($"A GDT holds {MaxDescriptors} descriptors of 8 bytes.");
        }

        ushort selector = (ushort)((_descriptors.Count * sizeof(ulong)) | segment.PrivilegeLevel);
        _descriptors.AddRange(descriptor);
        return selector;
    }
}
