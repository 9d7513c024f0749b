namespace HvSdk.Devices.Virtio;

/// <summary>Feature bits of a block device (virtio 1.2, 5.2.3).</summary>
[Flags]
internal enum BlockFeatures : ulong
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>VIRTIO_BLK_F_SEG_MAX: the most buffers of data in a request are told.</summary>
    SegMax = 1UL << 2,

    /// <summary>VIRTIO_BLK_F_RO: the device is read-only.</summary>
    ReadOnly = 1UL << 5,

    /// <summary>VIRTIO_BLK_F_BLK_SIZE: the block size is told.</summary>
    BlockSize = 1UL << 6,

    /// <summary>VIRTIO_BLK_F_FLUSH: writes may be cached until a flush.</summary>
    Flush = 1UL << 9,

    /// <summary>VIRTIO_BLK_F_TOPOLOGY: alignments that are good for speed are told.</summary>
    Topology = 1UL << 10,

    /// <summary>VIRTIO_BLK_F_MQ: several queues.</summary>
    MultiQueue = 1UL << 12,

    /// <summary>VIRTIO_BLK_F_DISCARD.</summary>
    Discard = 1UL << 13,

    /// <summary>VIRTIO_BLK_F_WRITE_ZEROES.</summary>
    WriteZeroes = 1UL << 14,
}

/// <summary>Types of requests (virtio 1.2, 5.2.6).</summary>
internal enum BlockRequestType : uint
{
    /// <summary>VIRTIO_BLK_T_IN: read.</summary>
    In = 0,

    /// <summary>VIRTIO_BLK_T_OUT: write.</summary>
    Out = 1,

    /// <summary>VIRTIO_BLK_T_FLUSH.</summary>
    Flush = 4,

    /// <summary>VIRTIO_BLK_T_GET_ID.</summary>
    GetId = 8,

    /// <summary>VIRTIO_BLK_T_DISCARD.</summary>
    Discard = 11,

    /// <summary>VIRTIO_BLK_T_WRITE_ZEROES.</summary>
    WriteZeroes = 13,
}

/// <summary>How a request has ended: its last byte (virtio 1.2, 5.2.6).</summary>
internal enum BlockStatus : byte
{
    /// <summary>VIRTIO_BLK_S_OK.</summary>
    Ok = 0,

    /// <summary>VIRTIO_BLK_S_IOERR.</summary>
    IoError = 1,

    /// <summary>VIRTIO_BLK_S_UNSUPP.</summary>
    Unsupported = 2,
}

/// <summary>Offsets in struct virtio_blk_config (virtio 1.2, 5.2.4). What belongs to features that are not offered reads as zero.</summary>
internal static class BlockConfigurationOffset
{
    /// <summary>le64 capacity, in sectors of 512 bytes.</summary>
    public const int Capacity = 0;

    /// <summary>le32 seg_max.</summary>
    public const int SegMax = 12;

    /// <summary>le32 blk_size, in bytes.</summary>
    public const int BlockSize = 20;

    /// <summary>u8 topology.physical_block_exp: the logarithm of blocks in a physical block.</summary>
    public const int PhysicalBlockExponent = 24;

    /// <summary>le16 topology.min_io_size, in blocks.</summary>
    public const int MinIoSize = 26;

    /// <summary>le32 topology.opt_io_size, in blocks.</summary>
    public const int OptimalIoSize = 28;

    /// <summary>le16 num_queues.</summary>
    public const int NumQueues = 34;

    /// <summary>le32 max_discard_sectors.</summary>
    public const int MaxDiscardSectors = 36;

    /// <summary>le32 max_discard_seg.</summary>
    public const int MaxDiscardSegments = 40;

    /// <summary>le32 discard_sector_alignment.</summary>
    public const int DiscardSectorAlignment = 44;

    /// <summary>le32 max_write_zeroes_sectors.</summary>
    public const int MaxWriteZeroesSectors = 48;

    /// <summary>le32 max_write_zeroes_seg.</summary>
    public const int MaxWriteZeroesSegments = 52;

    /// <summary>u8 write_zeroes_may_unmap.</summary>
    public const int WriteZeroesMayUnmap = 56;

    /// <summary>Bytes up to there: what follows belongs to secure erase, which is not offered.</summary>
    public const int Length = 60;
}
