using System.Text;
using HvSdk.Devices.Virtio.Tests;
using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Linux.Tests.FileSystem;

/// <summary>Files of a host's directory: content and attributes, both ways.</summary>
public sealed class HostDirectoryFilesTests
{
    private const ulong Root = FuseClient.Root;

    [Fact]
    public void File_WrittenByTheGuest_IsOnTheHost()
    {
        using var share = new SharedFolder();
        (FileError error, FuseCreateAnswer created) = share.Client.Create(Root, "f", mode: 0x1B6); // 0666: the process's umask takes nothing
        Assert.Equal(FileError.None, error);
        Assert.Equal(0x81B6U, created.Entry.Attributes.Mode);
        Assert.Equal(5U, share.Client.Write(created.Open.Handle, 0, "hello"u8).Answer.Size);
        share.Client.Write(created.Open.Handle, 5, " host"u8);
        Assert.Equal("hello host", File.ReadAllText(share["f"]));

        File.WriteAllText(share["f"], "from the host");
        Assert.Equal("from the host", Encoding.ASCII.GetString(share.Client.Read(created.Open.Handle, 0, 100).Data));
        Assert.Equal(13U, share.Client.GetAttributes(created.Entry.NodeId).Answer.Attributes.Size);
        Assert.Equal((10L, 13L), (share.Device.Counters.BytesWritten, share.Device.Counters.BytesRead));
        Assert.Equal(10 + 4096, share.Tree.WrittenBytes);
        share.AssertUntouched();
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(1001)]
    [InlineData(101)]
    public void Content_InManyBuffers_IsOnePieceInTheFile(int piece)
    {
        byte[] data = new byte[40_000];
        new Random(piece).NextBytes(data);
        using var share = new SharedFolder();
        ulong handle = share.Client.Create(Root, "f").Answer.Open.Handle;

        Assert.Equal((uint)data.Length, share.Client.Write(handle, 10, data, piece).Answer.Size);
        Assert.Equal([.. new byte[10], .. data], File.ReadAllBytes(share["f"]));
        Assert.Equal(data[5..], share.Client.Read(handle, 15, data.Length, piece).Data);
        Assert.Equal(data[1000..2000], share.Client.Read(handle, 1010, 1000, piece).Data);
        Assert.Empty(share.Client.Read(handle, 40_010, 1000, piece).Data);
        Assert.Equal((40_000L, 40_995L), (share.Device.Counters.BytesWritten, share.Device.Counters.BytesRead));
        share.AssertUntouched();
    }

    [Fact]
    public void File_OpenAndUnlinked_StaysUsable()
    {
        using var share = new SharedFolder();
        FuseCreateAnswer created = share.Client.Create(Root, "f").Answer;
        share.Client.Write(created.Open.Handle, 0, "still"u8);
        Assert.Equal(FileError.None, share.Client.Unlink(Root, "f"));
        Assert.Equal("still"u8, share.Client.Read(created.Open.Handle, 0, 100).Data);
        Assert.Equal(0U, share.Client.GetAttributes(created.Entry.NodeId).Answer.Attributes.LinkCount);
        Assert.False(File.Exists(share["f"]));
    }

    [Fact]
    public void Attributes_SetByTheGuest_AreOnTheHost()
    {
        using var share = new SharedFolder(prepare: static share => File.WriteAllText(share["f"], "0123456789"));
        ulong file = share.Client.Find("f");
        DateTime time = new(2001, 2, 3, 4, 5, 6, 789, DateTimeKind.Utc);
        (ulong seconds, uint nanoseconds) = FuseTime.From(new DateTimeOffset(time));
        FuseAttributeMask valid = FuseAttributeMask.Mode | FuseAttributeMask.Size | FuseAttributeMask.ModifyTime;
        (FileError error, FuseAttributesAnswer answer) = share.Client.SetAttributes(
            file, new FuseSetAttributesRequest(valid, 0, 0, 4, 0, 0, seconds, 0, 0, nanoseconds, 0, 0x180, 0, 0, 0, 0));

        Assert.Equal(FileError.None, error);
        Assert.Equal((4UL, 0x8180U, seconds, nanoseconds), (answer.Attributes.Size, answer.Attributes.Mode, answer.Attributes.ModifyTime, answer.Attributes.ModifyNanoseconds));
        Assert.Equal("0123", File.ReadAllText(share["f"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(share["f"]));
        Assert.Equal(time, File.GetLastWriteTimeUtc(share["f"]));
    }

    [Fact]
    public void File_Truncated_LosesItsContent()
    {
        using var share = new SharedFolder(prepare: static share => File.WriteAllText(share["f"], "0123456789"));
        (FileError error, FuseOpenAnswer open) = share.Client.Open(share.Client.Find("f"), flags: 0x201); // O_WRONLY | O_TRUNC
        Assert.Equal(FileError.None, error);
        Assert.Equal(0, new FileInfo(share["f"]).Length);
        Assert.Equal(FileError.EBADF, share.Client.Read(open.Handle, 0, 10).Error);
        Assert.Equal(FileError.EISDIR, share.Client.Open(Root).Error);
    }

    [Fact]
    public void File_WithHoles_TellsWhereTheyAre()
    {
        using var share = new SharedFolder();
        const ulong MiB = 1 << 20;
        FuseCreateAnswer created = share.Client.Create(Root, "f").Answer;
        share.Client.Write(created.Open.Handle, 4 * MiB, new byte[4096]);
        (FileError error, FuseSeekAnswer data) = share.Client.Call<FuseSeekAnswer>(FuseOpcode.Seek, Root, FuseClient.Bytes(new FuseSeekRequest(created.Open.Handle, 0, 3, 0)));
        Assert.Equal((FileError.None, 4 * MiB), (error, data.Offset));
        Assert.Equal(FileError.None, Allocate(created.Open.Handle, 8 * MiB, mode: 0));
        Assert.Equal(8 << 20, new FileInfo(share["f"]).Length);
        Assert.Equal(FileError.EOPNOTSUPP, Allocate(created.Open.Handle, MiB, mode: 8)); // FALLOC_FL_COLLAPSE_RANGE

        FileError Allocate(ulong handle, ulong length, uint mode) =>
            share.Client.Call(FuseOpcode.Allocate, Root, FuseClient.Bytes(new FuseAllocateRequest(handle, 0, length, mode, 0))).Error;
    }

    [Fact]
    public void Files_MadeDurable_SayIt()
    {
        using var share = new SharedFolder();
        FuseCreateAnswer created = share.Client.Create(Root, "f").Answer;
        Assert.All(
            [0U, FuseSyncRequest.DataOnly],
            flags => Assert.Equal(FileError.None, share.Client.Call(FuseOpcode.Sync, Root, FuseClient.Bytes(new FuseSyncRequest(created.Open.Handle, flags, 0))).Error));
        ulong directory = share.Client.OpenDirectory(Root).Answer.Handle;
        Assert.Equal(FileError.None, share.Client.Call(FuseOpcode.SyncDirectory, Root, FuseClient.Bytes(new FuseSyncRequest(directory, 0, 0))).Error);
        Assert.Equal(FileError.None, share.Client.Call(FuseOpcode.SyncFileSystem, Root).Error);
    }

    [Fact]
    public void Statistics_OfTheTree_AreThoseOfTheHost()
    {
        using var share = new SharedFolder();
        (FileError error, FuseStatisticsAnswer answer) = share.Client.Call<FuseStatisticsAnswer>(FuseOpcode.Statistics, Root);
        Assert.Equal(FileError.None, error);
        Assert.Equal((ulong)new DriveInfo(share.Inside).TotalSize, answer.Blocks * answer.BlockSize);
    }

    [Fact]
    public void Operations_InSteadyState_AllocateNothing()
    {
        using var share = new SharedFolder(prepare: static share => File.WriteAllBytes(share["f"], new byte[4096]));
        Assert.Equal(FileError.None, share.Tree.Root.Lookup("f"u8, out SharedNode? node));
        Assert.Equal(FileError.None, node!.Open(OpenModes.Read | OpenModes.Write, out OpenFile? file));
        byte[] buffer = new byte[4096];

        long allocated = Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                file!.Read(0, buffer, out _);
                file.Write(0, buffer, out _);
                node.GetAttributes(out _);
                share.Tree.Root.Lookup("f"u8, out _);
            }
        });

        file!.Close();
        Assert.Equal(0, allocated);
    }
}
