using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>Sizes and offsets of include/uapi/linux/fuse.h, version 7.38, of Linux 6.1.</summary>
public sealed class FuseLayoutTests
{
    [Fact]
    public void Requests_Sizes_AreLinux()
    {
        Assert.Equal(40, Marshal.SizeOf<FuseRequestHeader>());
        Assert.Equal(16, Marshal.SizeOf<FuseInitRequest>());
        Assert.Equal(8, Marshal.SizeOf<FuseForgetRequest>());
        Assert.Equal(8, Marshal.SizeOf<FuseBatchForgetRequest>());
        Assert.Equal(16, Marshal.SizeOf<FuseForgetOne>());
        Assert.Equal(16, Marshal.SizeOf<FuseGetAttributesRequest>());
        Assert.Equal(88, Marshal.SizeOf<FuseSetAttributesRequest>());
        Assert.Equal(16, Marshal.SizeOf<FuseMakeNodeRequest>());
        Assert.Equal(8, Marshal.SizeOf<FuseMakeDirectoryRequest>());
        Assert.Equal(8, Marshal.SizeOf<FuseRenameRequest>());
        Assert.Equal(16, Marshal.SizeOf<FuseRename2Request>());
        Assert.Equal(8, Marshal.SizeOf<FuseLinkRequest>());
        Assert.Equal(8, Marshal.SizeOf<FuseOpenRequest>());
        Assert.Equal(16, Marshal.SizeOf<FuseCreateRequest>());
        Assert.Equal(40, Marshal.SizeOf<FuseTransferRequest>());
        Assert.Equal(24, Marshal.SizeOf<FuseReleaseRequest>());
        Assert.Equal(24, Marshal.SizeOf<FuseFlushRequest>());
        Assert.Equal(16, Marshal.SizeOf<FuseSyncRequest>());
        Assert.Equal(32, Marshal.SizeOf<FuseAllocateRequest>());
        Assert.Equal(24, Marshal.SizeOf<FuseSeekRequest>());
    }

    [Fact]
    public void Answers_Sizes_AreLinux()
    {
        Assert.Equal(16, Marshal.SizeOf<FuseAnswerHeader>());
        Assert.Equal(64, Marshal.SizeOf<FuseInitAnswer>());
        Assert.Equal(88, Marshal.SizeOf<FuseAttributes>());
        Assert.Equal(128, Marshal.SizeOf<FuseEntry>());
        Assert.Equal(104, Marshal.SizeOf<FuseAttributesAnswer>());
        Assert.Equal(16, Marshal.SizeOf<FuseOpenAnswer>());
        Assert.Equal(144, Marshal.SizeOf<FuseCreateAnswer>());
        Assert.Equal(8, Marshal.SizeOf<FuseWriteAnswer>());
        Assert.Equal(8, Marshal.SizeOf<FuseSeekAnswer>());
        Assert.Equal(80, Marshal.SizeOf<FuseStatisticsAnswer>());
        Assert.Equal(24, Marshal.SizeOf<FuseDirectoryEntry>());
    }

    [Theory]
    [InlineData(typeof(FuseRequestHeader), nameof(FuseRequestHeader.NodeId), 16)]
    [InlineData(typeof(FuseSetAttributesRequest), nameof(FuseSetAttributesRequest.Size), 16)]
    [InlineData(typeof(FuseSetAttributesRequest), nameof(FuseSetAttributesRequest.Mode), 68)]
    [InlineData(typeof(FuseSetAttributesRequest), nameof(FuseSetAttributesRequest.UserId), 76)]
    [InlineData(typeof(FuseInitAnswer), nameof(FuseInitAnswer.MaxWrite), 20)]
    [InlineData(typeof(FuseInitAnswer), nameof(FuseInitAnswer.MaxPages), 28)]
    [InlineData(typeof(FuseAttributes), nameof(FuseAttributes.Mode), 60)]
    [InlineData(typeof(FuseEntry), nameof(FuseEntry.Attributes), 40)]
    [InlineData(typeof(FuseAttributesAnswer), nameof(FuseAttributesAnswer.Attributes), 16)]
    [InlineData(typeof(FuseStatisticsAnswer), nameof(FuseStatisticsAnswer.NameLength), 44)]
    public void Member_Offset_IsLinux(Type type, string member, int offset) => Assert.Equal(offset, Marshal.OffsetOf(type, $"<{member}>k__BackingField").ToInt32());
}
