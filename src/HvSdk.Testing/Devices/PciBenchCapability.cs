using System.Buffers.Binary;

namespace HvSdk.Testing;

/// <summary>A capability of a device on a <see cref="PciBench"/>. Offsets count from the first byte behind its ID and its pointer.</summary>
public sealed class PciBenchCapability
{
    private readonly byte[]? _body;
    private readonly byte[] _writable = [];
    private readonly IBusDevice? _registers;

    internal PciBenchCapability(byte id, byte[] body, byte[] writable)
    {
        Id = id;
        Length = body.Length;
        _body = body;
        _writable = writable;
    }

    internal PciBenchCapability(byte id, int length, IBusDevice registers)
    {
        Id = id;
        Length = length;
        _registers = registers;
    }

    /// <summary>Its ID (PCI 3.0, appendix H).</summary>
    public byte Id { get; }

    /// <summary>Bytes of the body.</summary>
    public int Length { get; }

    /// <summary>The guest reads.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    public uint Read(int offset, int size)
    {
        Span<byte> data = stackalloc byte[sizeof(uint)];
        data.Clear();
        if (_body is not null)
        {
            _body.AsSpan(offset, size).CopyTo(data);
        }
        else
        {
            _registers!.Read((ulong)offset, data[..size]);
        }

        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }

    /// <summary>The guest writes: bits that it may change.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    public void Write(int offset, uint value, int size)
    {
        Span<byte> data = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        if (_body is null)
        {
            _registers!.Write((ulong)offset, data[..size]);
            return;
        }

        for (int i = 0; i < size; i++)
        {
            int at = offset + i;
            byte mask = at < _writable.Length ? _writable[at] : (byte)0;
            _body[at] = (byte)((_body[at] & ~mask) | (data[i] & mask));
        }
    }
}
