using System.Buffers.Binary;

namespace HvSdk.Devices.Emulated;

/// <content>The DMA interface. All with the lock held.</content>
public sealed partial class FirmwareConfiguration
{
    // FWCfgDmaAccess: control, length, address, all big-endian ("Guest-side DMA Interface").
    private const int DescriptorSize = 16;
    private const uint ErrorBit = 1 << 0;
    private const uint ReadBit = 1 << 1;
    private const uint SkipBit = 1 << 2;
    private const uint SelectBit = 1 << 3;
    private const uint WriteControlBit = 1 << 4;

    private const uint MostZeros = 1 << 20;
    private const int ZeroChunk = 4096;

    private static readonly byte[] s_zeros = new byte[ZeroChunk];

    private GuestMemory? _memory;
    private uint _dmaAddressHigh;

    /// <summary>The upper half of the address is kept; a write to the lower half starts a transfer.</summary>
    private void WriteDmaAddress(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset == DmaOffset && data.Length == sizeof(ulong))
        {
            _dmaAddressHigh = BinaryPrimitives.ReadUInt32BigEndian(data);
            data = data[sizeof(uint)..];
            offset += sizeof(uint);
        }

        if (data.Length != sizeof(uint))
        {
            return;
        }

        uint value = BinaryPrimitives.ReadUInt32BigEndian(data);
        if (offset == DmaOffset)
        {
            _dmaAddressHigh = value;
        }
        else if (offset == DmaOffset + sizeof(uint))
        {
            ulong address = ((ulong)_dmaAddressHigh << 32) | value;
            _dmaAddressHigh = 0;
            RunDma(address);
        }
    }

    private void RunDma(ulong descriptorAddress)
    {
        Span<byte> descriptor = stackalloc byte[DescriptorSize];
        if (_memory is not { } memory)
        {
            return;
        }

        uint result = ErrorBit;
        if (memory.TryRead(descriptorAddress, descriptor))
        {
            uint control = BinaryPrimitives.ReadUInt32BigEndian(descriptor);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(descriptor[4..]);
            ulong address = BinaryPrimitives.ReadUInt64BigEndian(descriptor[8..]);
            result = RunDma(memory, control, length, address) ? 0 : ErrorBit;
        }

        // The control field tells the guest that all is done: 0, or the error bit. Where it is not in memory there is nobody to tell.
        Span<byte> answer = descriptor[..sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(answer, result);
        memory.TryWrite(descriptorAddress, answer);
    }

    private bool RunDma(GuestMemory memory, uint control, uint length, ulong address)
    {
        if ((control & SelectBit) != 0)
        {
            Select((ushort)(control >> 16));
        }
        else if (!_isFixed)
        {
            Select(_selected);
        }

        uint available = (uint)((_item?.Content.Length ?? 0) - _offset);
        uint count = uint.Min(available, length);
        if ((control & ReadBit) != 0)
        {
            return ReadByDma(memory, address, (int)count, length - count);
        }

        if ((control & WriteControlBit) != 0)
        {
            return WriteByDma(memory, address, (int)count, length);
        }

        if ((control & SkipBit) != 0)
        {
            _offset += (int)count;
        }

        return true;
    }

    private bool ReadByDma(GuestMemory memory, ulong address, int count, uint zeros)
    {
        if (zeros > MostZeros || (count != 0 && !memory.TryWrite(address, _item!.Content.Span.Slice(_offset, count))))
        {
            return false;
        }

        _offset += count;
        address += (uint)count;
        while (zeros != 0)
        {
            int chunk = (int)uint.Min(zeros, ZeroChunk);
            if (!memory.TryWrite(address, s_zeros.AsSpan(0, chunk)))
            {
                return false;
            }

            address += (uint)chunk;
            zeros -= (uint)chunk;
        }

        return true;
    }

    /// <summary>A write goes into an item that may be written, and ends with it; bit 14 of the key is not asked for, as in QEMU.</summary>
    private bool WriteByDma(GuestMemory memory, ulong address, int count, uint length)
    {
        if (_item is not { IsWritable: true } item || (uint)count != length || !memory.TryRead(address, item.Writable.Slice(_offset, count)))
        {
            return false;
        }

        if (count != 0)
        {
            _offset += count;
            item.Written!(item.Content);
        }

        return true;
    }
}
