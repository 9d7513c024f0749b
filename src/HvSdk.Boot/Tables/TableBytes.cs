using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace HvSdk.Boot;

/// <summary>Little-endian fields, one after another.</summary>
internal sealed class TableBytes
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public int Length => _bytes.WrittenCount;

    public void U8(byte value) => _bytes.Write([value]);

    public void U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.GetSpan(2), value);
        _bytes.Advance(2);
    }

    public void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.GetSpan(4), value);
        _bytes.Advance(4);
    }

    public void U64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.GetSpan(8), value);
        _bytes.Advance(8);
    }

    /// <summary>ASCII characters; given a width, filled up with spaces.</summary>
    public void Ascii(string text, int width = 0) => Encoding.ASCII.GetBytes(text.PadRight(width), _bytes);

    public void Zeros(int count)
    {
        _bytes.GetSpan(count)[..count].Clear();
        _bytes.Advance(count);
    }

    /// <summary>Zeros up to a multiple of an alignment.</summary>
    public void Align(int alignment)
    {
        if (Length % alignment is > 0 and int over)
        {
            Zeros(alignment - over);
        }
    }

    public void Raw(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    /// <summary>Sets a byte so that all bytes add up to zero, as each table of a PC wants it.</summary>
    public static void SetChecksum(Span<byte> bytes, int offset)
    {
        bytes[offset] = 0;
        byte sum = 0;
        foreach (byte value in bytes)
        {
            sum += value;
        }

        bytes[offset] = (byte)-sum;
    }
}
