using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>
/// The capability by which a driver reaches the registers through the configuration space alone: bar, offset and length are the driver's to set,
/// and the data behind them is the access (virtio 1.2, 4.1.4.9). The bus calls for one access at a time.
/// </summary>
internal sealed class VirtioPciAccess : IBusDevice
{
    /// <summary>Bytes of the body.</summary>
    public const int Length = VirtioPciLayout.BodyLength + DataLength;

    private const int DataLength = sizeof(uint);
    private const int BarOffset = 2;
    private const int OffsetOffset = 6;
    private const int LengthOffset = 10;

    private readonly IBusDevice _window;
    private readonly byte[] _body = new byte[Length];

    public VirtioPciAccess(IBusDevice window, byte type)
    {
        _window = window;
        VirtioPciLayout.WriteBody(_body, Length + 2, type, VirtioPciLayout.RegistersBar, 0, 0);
    }

    public void Read(ulong offset, Span<byte> data)
    {
        int start = (int)offset;
        if (start >= VirtioPciLayout.BodyLength && TryLocate(data.Length, out ulong address))
        {
            _window.Read(address, data);
            return;
        }

        _body.AsSpan(start, data.Length).CopyTo(data);
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        int start = (int)offset;
        if (start >= VirtioPciLayout.BodyLength)
        {
            if (TryLocate(data.Length, out ulong address))
            {
                _window.Write(address, data);
            }

            return;
        }

        // Bar, offset and length are the driver's; what a write covers besides stays.
        for (int i = 0; i < data.Length; i++)
        {
            if (start + i is BarOffset or (>= OffsetOffset and < VirtioPciLayout.BodyLength))
            {
                _body[start + i] = data[i];
            }
        }
    }

    // 1, 2 or 4 bytes at a multiple of that, within the window.
    private bool TryLocate(int size, out ulong address)
    {
        address = BinaryPrimitives.ReadUInt32LittleEndian(_body.AsSpan(OffsetOffset));
        return _body[BarOffset] == VirtioPciLayout.RegistersBar
            && BinaryPrimitives.ReadUInt32LittleEndian(_body.AsSpan(LengthOffset)) == (uint)size
            && size is 1 or 2 or 4
            && address % (uint)size == 0
            && address <= VirtioPciLayout.WindowSize - (uint)size;
    }
}
