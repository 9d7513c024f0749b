using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>A range of a disk in bytes, and struct virtio_blk_discard_write_zeroes, in which guests write them (virtio 1.2, 5.2.6).</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">How many.</param>
/// <param name="Flags">The guest's flags for it.</param>
internal readonly record struct BlockRange(long Offset, long Length, uint Flags)
{
    /// <summary>Bytes of a sector, the unit of all fields, whatever the block size is (virtio 1.2, 5.2.6).</summary>
    public const int SectorSize = 512;

    /// <summary>Bytes of the structure.</summary>
    public const int Size = 16;

    /// <summary>unmap: the room may be given back.</summary>
    public const uint Unmap = 1;

    private const int NumSectorsOffset = 8;
    private const int FlagsOffset = 12;

    private static readonly byte[] s_zeroes = new byte[1 << 16];

    /// <summary>Reads the structure; false where the range does not lie within a capacity.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, long capacity, out BlockRange range)
    {
        uint sectors = BinaryPrimitives.ReadUInt32LittleEndian(bytes[NumSectorsOffset..]);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(bytes[FlagsOffset..]);
        bool isInside = TryMake(BinaryPrimitives.ReadUInt64LittleEndian(bytes), (long)sectors * SectorSize, capacity, out range);
        range = range with { Flags = flags };
        return isInside;
    }

    /// <summary>The range at a sector; false where it has parts of sectors or does not lie within a capacity. Nothing overflows.</summary>
    public static bool TryMake(ulong sector, long length, long capacity, out BlockRange range)
    {
        range = default;
        if (sector > (ulong)capacity / SectorSize || length % SectorSize != 0 || length > capacity - ((long)sector * SectorSize))
        {
            return false;
        }

        range = new BlockRange((long)sector * SectorSize, length, 0);
        return true;
    }

    /// <summary>Writes zeroes where a storage has no better way.</summary>
    public static void WriteZeroes(IBlockStorage storage, long offset, long length)
    {
        while (length > 0)
        {
            int part = (int)long.Min(length, s_zeroes.Length);
            storage.Write(offset, s_zeroes.AsSpan(0, part));
            offset += part;
            length -= part;
        }
    }

    /// <summary>A storage has become shorter than its device believes, or a caller errs: an error of the host, and the guest's IOERR.</summary>
    public static void ThrowIfBeyond(long offset, long length, long end)
    {
        if (offset < 0 || length < 0 || length > end - offset)
        {
            throw new EndOfStreamException($"{length} bytes at {offset} are not within the storage's {end}. It has become shorter, or the range is wrong.");
        }
    }
}
