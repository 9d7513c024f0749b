using System.Buffers.Binary;

namespace HvSdk.Devices.Emulated.PrimeCell;

/// <summary>Accesses of any size to registers of 32 bits on a bus without byte strobes (AMBA 2 APB).</summary>
internal static class WordAccess
{
    private const int WordSize = sizeof(uint);

    /// <summary>Reads all registers that the access touches, each once.</summary>
    internal static void Read<T>(T device, ulong offset, Span<byte> data, Func<T, ulong, uint> readRegister)
    {
        Span<byte> word = stackalloc byte[WordSize];
        while (!data.IsEmpty)
        {
            int lane = (int)(offset % WordSize);
            BinaryPrimitives.WriteUInt32LittleEndian(word, readRegister(device, offset - (uint)lane));
            int count = int.Min(WordSize - lane, data.Length);
            word.Slice(lane, count).CopyTo(data);
            data = data[count..];
            offset = unchecked(offset + (uint)count);
        }
    }

    /// <summary>Writes all registers whose first byte is in the access; a shorter write sets the register's other bits to 0. Bytes in between have no register.</summary>
    internal static void Write<T>(T device, ulong offset, ReadOnlySpan<byte> data, Action<T, ulong, uint> writeRegister)
    {
        Span<byte> word = stackalloc byte[WordSize];
        while (!data.IsEmpty)
        {
            int lane = (int)(offset % WordSize);
            int count = int.Min(WordSize - lane, data.Length);
            if (lane == 0)
            {
                word.Clear();
                data[..count].CopyTo(word);
                writeRegister(device, offset, BinaryPrimitives.ReadUInt32LittleEndian(word));
            }

            data = data[count..];
            offset = unchecked(offset + (uint)count);
        }
    }
}
