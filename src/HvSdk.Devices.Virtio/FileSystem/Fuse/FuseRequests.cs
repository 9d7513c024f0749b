using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio;

// What the guest's kernel sends: the structures of Linux's include/uapi/linux/fuse.h, in its order, as protocol version 7.31 has them.

/// <summary>struct fuse_in_header: the start of each request.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseRequestHeader(uint Length, FuseOpcode Opcode, ulong Unique, ulong NodeId, uint UserId, uint GroupId, uint ProcessId, uint Extensions)
{
    public const int Size = 40;
}

/// <summary>struct fuse_init_in, without the flags of 7.36.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseInitRequest(uint Major, uint Minor, uint MaxReadAhead, FuseInitFlags Flags);

/// <summary>struct fuse_forget_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseForgetRequest(ulong Count);

/// <summary>struct fuse_batch_forget_in; so many <see cref="FuseForgetOne"/> follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseBatchForgetRequest(uint Count, uint Reserved);

/// <summary>struct fuse_forget_one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseForgetOne(ulong NodeId, ulong Count)
{
    public const int Size = 16;
}

/// <summary>struct fuse_getattr_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseGetAttributesRequest(uint Flags, uint Reserved, ulong Handle);

/// <summary>struct fuse_setattr_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseSetAttributesRequest(
    FuseAttributeMask Valid,
    uint Padding,
    ulong Handle,
    ulong Size,
    ulong LockOwner,
    ulong AccessTime,
    ulong ModifyTime,
    ulong ChangeTime,
    uint AccessNanoseconds,
    uint ModifyNanoseconds,
    uint ChangeNanoseconds,
    uint Mode,
    uint Unused4,
    uint UserId,
    uint GroupId,
    uint Unused5);

/// <summary>struct fuse_mknod_in; a name follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseMakeNodeRequest(uint Mode, uint DeviceNumber, uint Mask, uint Padding);

/// <summary>struct fuse_mkdir_in; a name follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseMakeDirectoryRequest(uint Mode, uint Mask);

/// <summary>struct fuse_rename_in; the old name and the new one follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseRenameRequest(ulong NewParent);

/// <summary>struct fuse_rename2_in; the old name and the new one follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseRename2Request(ulong NewParent, RenameModes Flags, uint Padding);

/// <summary>struct fuse_link_in; a name follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseLinkRequest(ulong NodeId);

/// <summary>struct fuse_open_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseOpenRequest(uint Flags, uint OpenFlags);

/// <summary>struct fuse_create_in; a name follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseCreateRequest(uint Flags, uint Mode, uint Mask, uint OpenFlags);

/// <summary>struct fuse_read_in, and struct fuse_write_in, which the data follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseTransferRequest(ulong Handle, ulong Offset, uint Size, uint TransferFlags, ulong LockOwner, uint Flags, uint Padding)
{
    public const int StructSize = 40;
}

/// <summary>struct fuse_release_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseReleaseRequest(ulong Handle, uint Flags, uint ReleaseFlags, ulong LockOwner);

/// <summary>struct fuse_flush_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseFlushRequest(ulong Handle, uint Unused, uint Padding, ulong LockOwner);

/// <summary>struct fuse_fsync_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseSyncRequest(ulong Handle, uint Flags, uint Padding)
{
    /// <summary>FUSE_FSYNC_FDATASYNC.</summary>
    public const uint DataOnly = 1;
}

/// <summary>struct fuse_fallocate_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseAllocateRequest(ulong Handle, ulong Offset, ulong Length, uint Mode, uint Padding);

/// <summary>struct fuse_lseek_in.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseSeekRequest(ulong Handle, ulong Offset, uint Whence, uint Padding)
{
    /// <summary>SEEK_DATA.</summary>
    public const uint Data = 3;

    /// <summary>SEEK_HOLE.</summary>
    public const uint Hole = 4;
}

/// <summary>FATTR_*: the members of <see cref="FuseSetAttributesRequest"/> that count.</summary>
[Flags]
internal enum FuseAttributeMask : uint
{
    Mode = 1 << 0,
    UserId = 1 << 1,
    GroupId = 1 << 2,
    Size = 1 << 3,
    AccessTime = 1 << 4,
    ModifyTime = 1 << 5,
    Handle = 1 << 6,
    AccessTimeNow = 1 << 7,
    ModifyTimeNow = 1 << 8,
}
