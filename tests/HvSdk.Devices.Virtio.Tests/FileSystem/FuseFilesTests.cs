namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>Files that a guest opens, reads and writes, in a tree in memory.</summary>
public sealed class FuseFilesTests : IDisposable
{
    private const ulong Root = FuseClient.Root;
    private const uint ReadWrite = 2;

    private readonly MemoryTree _tree = new(new MemoryTreeOptions { MaxBytes = 1 << 20 });
    private readonly FuseClient _client;

    public FuseFilesTests()
    {
        _client = new FuseClient(new FileSystemDevice("x", _tree.Root, new FileSystemOptions { MaxTransfer = 1 << 17 }));
    }

    public void Dispose() => _client.Dispose();

    [Fact]
    public void Create_NewFile_IsOpenAndHolds()
    {
        FuseCreateAnswer created = _client.Create(Root, "f").Answer;

        Assert.Equal(5U, _client.Write(created.Open.Handle, 0, "hello"u8).Answer.Size);
        Assert.Equal("ell"u8, _client.Read(created.Open.Handle, 1, 3).Data);
        Assert.Equal("lo"u8, _client.Read(created.Open.Handle, 3, 100).Data);
        Assert.Empty(_client.Read(created.Open.Handle, 5, 100).Data);
        Assert.Empty(_client.Read(created.Open.Handle, long.MaxValue, 100).Data);
        Assert.Equal("hello"u8, _tree.ReadFile("f")!);
        Assert.Equal(FileError.None, _client.Release(created.Open.Handle));
        Assert.Equal(FileError.EBADF, _client.Release(created.Open.Handle));
        Assert.Equal(FileError.EBADF, _client.Read(created.Open.Handle, 0, 1).Error);
    }

    [Fact]
    public void Create_WhereAFileIs_OpensItOrRefuses()
    {
        _tree.WriteFile("f", "old"u8);
        Assert.Equal("old"u8, _client.Read(_client.Create(Root, "f").Answer.Open.Handle, 0, 10).Data);
        Assert.Equal(FileError.EEXIST, _client.Create(Root, "f", ReadWrite | 0x80).Error);
        Assert.Equal(FileError.None, _client.Create(Root, "f", ReadWrite | 0x200).Error);
        Assert.Empty(_tree.ReadFile("f")!);
        _tree.CreateDirectory("d");
        Assert.Equal(FileError.EISDIR, _client.Create(Root, "d").Error);
    }

    [Fact]
    public void Data_AtRandomPlaces_IsWhatWasWritten()
    {
        ulong handle = _client.Create(Root, "f").Answer.Open.Handle;
        byte[] mirror = new byte[300_000];
        int size = 0;
        var random = new Random(5);
        for (int round = 0; round < 500; round++)
        {
            int offset = random.Next(mirror.Length - 1);
            int length = random.Next(1, int.Min(mirror.Length - offset, random.Next(2) == 0 ? 100 : 100_000) + 1);
            switch (random.Next(5))
            {
                case 0:
                    Assert.Equal(FileError.None, Resize(handle, offset).Error);
                    mirror.AsSpan(offset).Clear();
                    size = offset;
                    break;
                case 1 or 2:
                    random.NextBytes(mirror.AsSpan(offset, length));
                    Assert.Equal((uint)length, _client.Write(handle, (ulong)offset, mirror.AsSpan(offset, length)).Answer.Size);
                    size = int.Max(size, offset + length);
                    break;
                case 3:
                    Assert.Equal(FileError.None, Allocate(handle, offset, length, 3).Error);
                    mirror.AsSpan(offset, length).Clear();
                    break;
                default:
                    int expected = int.Clamp(size - offset, 0, length);
                    Assert.Equal(mirror[offset..(offset + expected)], _client.Read(handle, (ulong)offset, length).Data);
                    break;
            }
        }

        Assert.Equal(mirror[..size], _tree.ReadFile("f"));
    }

    [Fact]
    public void Space_BeyondTheLimit_IsRefusedAndGivenBack()
    {
        ulong handle = _client.Create(Root, "f").Answer.Open.Handle;
        Assert.Equal(FileError.EFBIG, Resize(handle, (1 << 20) + 1).Error);
        Assert.Equal(FileError.EFBIG, _client.Write(handle, 1 << 20, [1]).Error);
        Assert.Equal(FileError.EFBIG, _client.Write(handle, long.MaxValue, [1]).Error);
        Assert.Equal(FileError.EINVAL, _client.SetAttributes(_client.Find("f"), new FuseSetAttributesRequest { Valid = FuseAttributeMask.Size, Size = ulong.MaxValue }).Error);
        Assert.Equal(FileError.None, Resize(handle, 1 << 20).Error);
        Assert.Equal(1 << 20, _tree.UsedBytes);
        ulong other = _client.Create(Root, "g").Answer.Open.Handle;
        Assert.Equal(FileError.ENOSPC, _client.Write(other, 0, [1]).Error);
        Assert.Equal(FileError.None, _client.Unlink(Root, "f"));
        Assert.Equal(1 << 20, _tree.UsedBytes); // it is open still
        Assert.Single(_client.Read(handle, 0, 1).Data);
        Assert.Equal(FileError.None, _client.Release(handle));
        Assert.Equal(0, _tree.UsedBytes);
        Assert.Equal(FileError.None, _client.Write(other, 0, [1]).Error);
    }

    [Fact]
    public void Size_OfAFileThatIsGone_DoesNotGrow()
    {
        FuseCreateAnswer created = _client.Create(Root, "f").Answer;
        _client.Unlink(Root, "f");
        _client.Release(created.Open.Handle);
        Assert.Equal(FileError.ESTALE, _client.SetAttributes(created.Entry.NodeId, new FuseSetAttributesRequest { Valid = FuseAttributeMask.Size, Size = 100 }).Error);
        Assert.Equal(FileError.ESTALE, _client.Open(created.Entry.NodeId, ReadWrite | 0x200).Error);
        Assert.Equal(FileError.None, _client.GetAttributes(created.Entry.NodeId).Error);
        Assert.Equal(0, _tree.UsedBytes);
    }

    [Fact]
    public void Attributes_Set_AreKept()
    {
        ulong node = _client.Create(Root, "f").Answer.Entry.NodeId;
        FuseAttributes attributes = _client.SetAttributes(node, new FuseSetAttributesRequest
        {
            Valid = FuseAttributeMask.Mode | FuseAttributeMask.UserId | FuseAttributeMask.GroupId | FuseAttributeMask.AccessTime | FuseAttributeMask.ModifyTime,
            Mode = 0x8FFF,
            UserId = 7,
            GroupId = 8,
            AccessTime = 1_000_000_000,
            AccessNanoseconds = 123_456_700,
            ModifyTime = unchecked((ulong)-5L),
            ModifyNanoseconds = 999_999_900,
        }).Answer.Attributes;

        Assert.Equal((0x8FFFU, 7U, 8U), (attributes.Mode, attributes.UserId, attributes.GroupId));
        Assert.Equal((1_000_000_000UL, 123_456_700U), (attributes.AccessTime, attributes.AccessNanoseconds));
        Assert.Equal((unchecked((ulong)-5L), 999_999_900U), (attributes.ModifyTime, attributes.ModifyNanoseconds));
        Assert.Equal(FileError.EINVAL, _client.SetAttributes(node, new FuseSetAttributesRequest { Valid = FuseAttributeMask.ModifyTime, ModifyNanoseconds = 1_000_000_000 }).Error);
        foreach (ulong time in (ulong[])[ulong.MaxValue, long.MaxValue, 1UL << 63, 253402300799, 253402300800])
        {
            Assert.Equal(FileError.None, _client.SetAttributes(node, new FuseSetAttributesRequest { Valid = FuseAttributeMask.ModifyTime, ModifyTime = time, ModifyNanoseconds = 999_999_999 }).Error);
        }

        attributes = _client.SetAttributes(node, new FuseSetAttributesRequest { Valid = FuseAttributeMask.AccessTimeNow | FuseAttributeMask.ModifyTimeNow }).Answer.Attributes;
        Assert.NotEqual(1_000_000_000UL, attributes.AccessTime);
    }

    [Fact]
    public void Handles_OfOneKind_DoNotServeTheOther()
    {
        ulong file = _client.Create(Root, "f", flags: 0).Answer.Open.Handle;
        ulong directory = _client.OpenDirectory(Root).Answer.Handle;
        byte[] read = FuseClient.Bytes(new FuseTransferRequest(file, 0, 100, 0, 0, 0, 0));
        Assert.Equal(FileError.ENOTDIR, _client.Call(FuseOpcode.ReadDirectory, Root, read).Error);
        Assert.Equal(FileError.EISDIR, _client.Read(directory, 0, 1).Error);
        Assert.Equal(FileError.EISDIR, _client.Write(directory, 0, [1]).Error);
        Assert.Equal(FileError.EBADF, _client.Write(file, 0, [1]).Error); // open for reading
        Assert.Equal(FileError.EBADF, _client.Read(_client.Open(_client.Find("f"), 1).Answer.Handle, 0, 1).Error);
        Assert.Equal(FileError.ENOTDIR, _client.OpenDirectory(_client.Find("f")).Error);
        Assert.Equal(FileError.EISDIR, _client.Open(Root).Error);
        Assert.Equal(FileError.None, _client.Call(FuseOpcode.SyncDirectory, Root, FuseClient.Bytes(new FuseSyncRequest(directory, 0, 0))).Error);
    }

    [Fact]
    public void Handle_OfFlushAndSync_IsAccepted()
    {
        ulong handle = _client.Create(Root, "f").Answer.Open.Handle;
        Assert.Equal(FileError.None, _client.Call(FuseOpcode.Flush, Root, FuseClient.Bytes(new FuseFlushRequest(handle, 0, 0, 0))).Error);
        Assert.Equal(FileError.None, _client.Call(FuseOpcode.Sync, Root, FuseClient.Bytes(new FuseSyncRequest(handle, 1, 0))).Error);
        Assert.Equal(FileError.None, _client.Call(FuseOpcode.SyncFileSystem, Root, new byte[8]).Error);
        Assert.Equal(FileError.ENOSYS, _client.Call(FuseOpcode.Seek, Root, FuseClient.Bytes(new FuseSeekRequest(handle, 0, FuseSeekRequest.Data, 0))).Error);
        Assert.Equal(FileError.EINVAL, _client.Call(FuseOpcode.Seek, Root, FuseClient.Bytes(new FuseSeekRequest(handle, 0, 0, 0))).Error);
    }

    [Fact]
    public void Allocate_ByEachMode_DoesItOrRefuses()
    {
        ulong handle = _client.Create(Root, "f").Answer.Open.Handle;
        _client.Write(handle, 0, "0123456789"u8);
        Assert.Equal(FileError.None, Allocate(handle, 0, 20, 0).Error);
        Assert.Equal(20, _tree.ReadFile("f")!.Length);
        Assert.Equal(FileError.None, Allocate(handle, 2, 3, 0x10).Error);
        Assert.Equal("01\0\0\056"u8, _tree.ReadFile("f")!.AsSpan(0, 7));
        Assert.Equal(FileError.EOPNOTSUPP, Allocate(handle, 0, 20, 8).Error);
        Assert.Equal(FileError.EOPNOTSUPP, Allocate(handle, 0, 20, 2).Error);
        Assert.Equal(FileError.EINVAL, Allocate(handle, 0, 0, 0).Error);
        Assert.Equal(FileError.EFBIG, Allocate(handle, long.MaxValue, 1, 0).Error);
        Assert.Equal(FileError.None, Allocate(handle, long.MaxValue - 1, 1, 3).Error); // a hole behind the end is none
    }

    [Fact]
    public void Transfer_OfMoreThanTheLimit_IsCutOrRefused()
    {
        ulong handle = _client.Create(Root, "f").Answer.Open.Handle;
        Resize(handle, 1 << 19);
        Assert.Equal(1 << 17, _client.Read(handle, 0, 1 << 18).Data.Length);
        Assert.Equal(FileError.EINVAL, _client.Write(handle, 0, new byte[(1 << 17) + 1]).Error);
        Assert.Equal(1U << 17, _client.Write(handle, 0, new byte[1 << 17]).Answer.Size);
    }

    [Fact]
    public void Counters_AfterTransfers_Tell()
    {
        var device = new FileSystemDevice("x", _tree.Root);
        using var client = new FuseClient(device);
        ulong handle = client.Create(Root, "f").Answer.Open.Handle;
        client.Write(handle, 0, new byte[30]);
        client.Read(handle, 10, 100);
        Assert.Equal((4L, 20L, 30L, 0L), (device.Counters.Requests, device.Counters.BytesRead, device.Counters.BytesWritten, device.Counters.MalformedRequests));
    }

    private (FileError Error, FuseAttributesAnswer Answer) Resize(ulong handle, int size) =>
        _client.SetAttributes(_client.Find("f"), new FuseSetAttributesRequest { Valid = FuseAttributeMask.Size | FuseAttributeMask.Handle, Handle = handle, Size = (ulong)size });

    private (FileError Error, byte[] Data) Allocate(ulong handle, long offset, long length, uint mode) =>
        _client.Call(FuseOpcode.Allocate, Root, FuseClient.Bytes(new FuseAllocateRequest(handle, (ulong)offset, (ulong)length, mode, 0)));
}
