using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio;

// What the server answers: the structures of Linux's include/uapi/linux/fuse.h, as protocol version 7.31 has them.

/// <summary>struct fuse_out_header: the start of each answer. The error is negative.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseAnswerHeader(uint Length, int Error, ulong Unique)
{
    public const int Size = 16;
}

/// <summary>struct fuse_init_out; 28 reserved bytes follow.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal readonly record struct FuseInitAnswer(
    uint Major,
    uint Minor,
    uint MaxReadAhead,
    FuseInitFlags Flags,
    ushort MaxBackground,
    ushort CongestionThreshold,
    uint MaxWrite,
    uint TimeGranularity,
    ushort MaxPages,
    ushort MapAlignment,
    uint Flags2);

/// <summary>struct fuse_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseAttributes(
    ulong Inode,
    ulong Size,
    ulong Blocks,
    ulong AccessTime,
    ulong ModifyTime,
    ulong ChangeTime,
    uint AccessNanoseconds,
    uint ModifyNanoseconds,
    uint ChangeNanoseconds,
    uint Mode,
    uint LinkCount,
    uint UserId,
    uint GroupId,
    uint DeviceNumber,
    uint BlockSize,
    uint Flags);

/// <summary>struct fuse_entry_out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseEntry(
    ulong NodeId,
    ulong Generation,
    ulong EntrySeconds,
    ulong AttributeSeconds,
    uint EntryNanoseconds,
    uint AttributeNanoseconds,
    FuseAttributes Attributes)
{
    public const int Size = 128;
}

/// <summary>struct fuse_attr_out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseAttributesAnswer(ulong Seconds, uint Nanoseconds, uint Reserved, FuseAttributes Attributes);

/// <summary>struct fuse_open_out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseOpenAnswer(ulong Handle, uint Flags, uint Padding);

/// <summary>The answer to FUSE_CREATE: struct fuse_entry_out and struct fuse_open_out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseCreateAnswer(FuseEntry Entry, FuseOpenAnswer Open);

/// <summary>struct fuse_write_out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseWriteAnswer(uint Size, uint Padding);

/// <summary>struct fuse_lseek_out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseSeekAnswer(ulong Offset);

/// <summary>struct fuse_statfs_out; spare bytes follow.</summary>
[StructLayout(LayoutKind.Sequential, Size = 80)]
internal readonly record struct FuseStatisticsAnswer(ulong Blocks, ulong FreeBlocks, ulong AvailableBlocks, ulong Nodes, ulong FreeNodes, uint BlockSize, uint NameLength, uint FragmentSize);

/// <summary>struct fuse_dirent; the name follows, and zeros up to a multiple of 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseDirectoryEntry(ulong Inode, ulong Next, uint NameLength, uint Kind)
{
    public const int Size = 24;
}

/// <summary>What kernel and server agree upon: the flags of FUSE_INIT that the server knows.</summary>
[Flags]
internal enum FuseInitFlags : uint
{
    None = 0,

    /// <summary>FUSE_ASYNC_READ: several reads of a file at a time.</summary>
    AsyncRead = 1 << 0,

    /// <summary>FUSE_BIG_WRITES: more than a page at a time.</summary>
    BigWrites = 1 << 5,

    /// <summary>FUSE_AUTO_INVAL_DATA: cached data goes when the file's time or size has changed.</summary>
    DropsChangedData = 1 << 12,

    /// <summary>FUSE_DO_READDIRPLUS.</summary>
    ReadDirectoryPlus = 1 << 13,

    /// <summary>FUSE_READDIRPLUS_AUTO: the kernel chooses.</summary>
    ReadDirectoryPlusAuto = 1 << 14,

    /// <summary>FUSE_ASYNC_DIO.</summary>
    AsyncDirect = 1 << 15,

    /// <summary>FUSE_PARALLEL_DIROPS: several requests for a directory at a time.</summary>
    ParallelDirectories = 1 << 18,

    /// <summary>FUSE_MAX_PAGES: <see cref="FuseInitAnswer.MaxPages"/> counts.</summary>
    MaxPages = 1 << 22,
}
