using System.Buffers.Binary;

namespace HvSdk.Devices.Emulated;

/// <summary>The bytes of a configuration space, and which of their bits a guest may change. Its function locks it.</summary>
internal sealed class PciConfigurationSpace
{
    private readonly byte[] _bytes = new byte[PciHeader.Size];
    private readonly byte[] _writable = new byte[PciHeader.Size];

    public ReadOnlySpan<byte> Bytes => _bytes;

    public ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(offset));

    public uint Get32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(offset));

    /// <summary>Sets a byte that a guest reads.</summary>
    public void Set8(int offset, byte value, byte writable = 0)
    {
        _bytes[offset] = value;
        _writable[offset] = writable;
    }

    public void Set16(int offset, ushort value, ushort writable = 0)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(offset), value);
        BinaryPrimitives.WriteUInt16LittleEndian(_writable.AsSpan(offset), writable);
    }

    public void Set32(int offset, uint value, uint writable = 0)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(offset), value);
        BinaryPrimitives.WriteUInt32LittleEndian(_writable.AsSpan(offset), writable);
    }

    /// <summary>The guest writes: of each byte the bits that it may.</summary>
    public void Write(int offset, ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            byte writable = _writable[offset + i];
            _bytes[offset + i] = (byte)((_bytes[offset + i] & ~writable) | (data[i] & writable));
        }
    }
}
