using HvSdk;

namespace HvSdk.Samples.Firmware;

/// <summary>The CMOS memory of a PC, in which its firmware finds the size of the RAM: an index at port 0x70, the byte at 0x71.</summary>
internal sealed class Cmos : IBusDevice
{
    public const ushort Port = 0x70;
    public const ulong WindowSize = 2;

    private const ulong ExtendedMemoryStart = 16 << 20;
    private const ulong ExtendedMemoryUnit = 64 << 10;
    private const int ExtendedMemoryLow = 0x34;
    private const int ExtendedMemoryHigh = 0x35;

    private readonly byte[] _bytes = new byte[0x80];
    private int _index;

    public Cmos(ulong memorySize)
    {
        ulong units = (memorySize - ExtendedMemoryStart) / ExtendedMemoryUnit;
        _bytes[ExtendedMemoryLow] = (byte)units;
        _bytes[ExtendedMemoryHigh] = (byte)(units >> 8);
    }

    public void Read(ulong offset, Span<byte> data)
    {
        if (offset == 1)
        {
            data[0] = _bytes[_index];
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset == 0)
        {
            _index = data[0] & 0x7F; // bit 7 masks the NMI, which this machine does not have
        }
        else
        {
            _bytes[_index] = data[0];
        }
    }
}
