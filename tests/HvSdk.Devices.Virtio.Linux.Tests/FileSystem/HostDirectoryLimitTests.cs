using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Linux.Tests.FileSystem;

/// <summary>What a guest can take of the host, and what a caller may ask for.</summary>
public sealed class HostDirectoryLimitTests
{
    private const ulong Root = FuseClient.Root;

    [Fact]
    public void Handles_BeyondTheLimit_AreRefusedUntilForgotten()
    {
        using var share = new SharedFolder(new HostDirectoryOptions { IsWritable = true, MaxHandles = 4 }, static share =>
        {
            for (int i = 0; i < 10; i++)
            {
                File.WriteAllText(share[$"f{i}"], "");
            }
        });
        ulong[] nodes = [.. Enumerable.Range(0, 3).Select(i => share.Client.Find($"f{i}"))];
        FuseOpenAnswer open = share.Client.Open(nodes[0]).Answer;
        Assert.Equal(4, share.Tree.Handles);
        Assert.Equal(FileError.ENFILE, share.Client.Open(nodes[0]).Error);
        Assert.Equal(FileError.ENFILE, share.Client.Lookup(Root, "f5").Error);
        Assert.Equal(FileError.ENFILE, share.Client.Create(Root, "new").Error);
        Assert.Equal(FileError.ENFILE, share.Client.SetAttributes(nodes[0], new FuseSetAttributesRequest(FuseAttributeMask.Size, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)).Error);
        Assert.Equal(12, share.Client.List(Root, hasEntries: true).Count); // those that are not known come without a node
        share.Client.Release(open.Handle);
        share.Client.Forget(nodes[1], ulong.MaxValue);
        Assert.Equal(FileError.None, share.Client.Create(Root, "new").Error);
        Assert.False(File.Exists(share["f10"]));
        share.AssertUntouched();
    }

    [Fact]
    public void Handles_AfterTheGuestUnmounts_AreGivenBack()
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            Directory.CreateDirectory(share["d"]);
            File.WriteAllText(share["d/f"], "");
        });
        for (int i = 0; i < 20; i++)
        {
            share.Client.Open(share.Client.Find("d/f"), flags: 2);
            share.Client.List(share.Client.Find("d"), hasEntries: true);
            Assert.Equal(3, share.Tree.Handles);
            share.Client.Mount();
            Assert.Equal(0, share.Tree.Handles);
        }

        Assert.DoesNotContain(
            Directory.GetFiles("/proc/self/fd").Select(static link => new FileInfo(link).LinkTarget),
            target => target?.StartsWith(share["d"], StringComparison.Ordinal) == true);
    }

    [Fact]
    public void WrittenBytes_BeyondTheLimit_AreRefused()
    {
        const int name = 4096;
        using var share = new SharedFolder(new HostDirectoryOptions { IsWritable = true, MaxWrittenBytes = (2 * name) + 100 });
        FuseCreateAnswer file = share.Client.Create(Root, "f").Answer;
        Assert.Equal(FileError.None, share.Client.Write(file.Open.Handle, 0, new byte[60]).Error);
        Assert.Equal(FileError.None, share.Client.Write(file.Open.Handle, 0, new byte[40]).Error); // over them: it counts all the same
        Assert.Equal(FileError.None, share.Client.MakeDirectory(Root, "d").Error);
        Assert.Equal(FileError.ENOSPC, share.Client.Write(file.Open.Handle, 0, new byte[1]).Error);
        Assert.Equal(FileError.ENOSPC, share.Client.Create(Root, "g").Error);
        Assert.Equal(FileError.ENOSPC, share.Client.MakeDirectory(Root, "e").Error);
        Assert.Equal(FileError.ENOSPC, share.Client.SymbolicLink(Root, "l", "x").Error);
        Assert.Equal(FileError.ENOSPC, share.Client.Link(Root, "m", file.Entry.NodeId).Error);
        Assert.Equal(FileError.ENOSPC, share.Client.Call(FuseOpcode.Allocate, Root, FuseClient.Bytes(new FuseAllocateRequest(file.Open.Handle, 0, 1, 0, 0))).Error);
        Assert.Equal(2, Directory.GetFileSystemEntries(share.Inside).Length);
    }

    [Fact]
    public void FileSize_BeyondTheLimit_IsRefused()
    {
        using var share = new SharedFolder(new HostDirectoryOptions { IsWritable = true, MaxFileSize = 1000 });
        FuseCreateAnswer file = share.Client.Create(Root, "f").Answer;
        Assert.Equal(500U, share.Client.Write(file.Open.Handle, 500, new byte[600]).Answer.Size);
        Assert.Equal(FileError.EFBIG, share.Client.Write(file.Open.Handle, 1000, new byte[1]).Error);
        Assert.Equal(FileError.EFBIG, share.Client.Call(FuseOpcode.Allocate, Root, FuseClient.Bytes(new FuseAllocateRequest(file.Open.Handle, 900, 101, 0, 0))).Error);
        Assert.Equal(FileError.EFBIG, share.Client.SetAttributes(file.Entry.NodeId, new FuseSetAttributesRequest(FuseAttributeMask.Size, 0, 0, 1001, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)).Error);
        Assert.Equal(1000, new FileInfo(share["f"]).Length);
    }

    [Fact]
    public void Directory_DisposedUnderTheGuest_GivesErrors()
    {
        using var share = new SharedFolder(prepare: static share => File.WriteAllText(share["f"], "f"));
        ulong file = share.Client.Find("f");
        share.Tree.Dispose();
        Assert.Equal(FileError.ESTALE, share.Client.GetAttributes(file).Error);
        Assert.Equal(FileError.ESTALE, share.Client.Lookup(Root, "f").Error);
        Assert.Equal(FileError.ESTALE, share.Client.Open(file).Error);
        Assert.Equal(FileError.ESTALE, share.Client.Mount().Error is FileError.None ? share.Client.GetAttributes(Root).Error : FileError.ESTALE);
        share.AssertUntouched();
    }

    [Fact]
    public void Requests_AtRandom_StayInside()
    {
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 1_000_000 : 20_000;
        var random = new Random(12);
        using var share = new SharedFolder(
            new HostDirectoryOptions { IsWritable = true, MaxHandles = 40, MaxFileSize = 1 << 20, MaxWrittenBytes = 1L << 30, AllowsPipesAndSockets = true },
            static share => Directory.CreateSymbolicLink(share["a"], share.Outside));
        for (int round = 0; round < rounds; round++)
        {
            if (round % 1000 == 0)
            {
                share.Client.Mount();
            }

            FuseNoise.Send(share.Client, random);
            Assert.InRange(share.Tree.Handles, 0, 40);
        }

        Assert.False(share.Client.Bench.Driver.NeedsReset);
        share.AssertUntouched();
        share.Client.Mount();
        Assert.Equal(0, share.Tree.Handles);
    }

    [Fact]
    public void Options_OutOfRange_AreRefusedByName()
    {
        AssertRefused(new HostDirectoryOptions { MaxHandles = 0 }, nameof(HostDirectoryOptions.MaxHandles));
        AssertRefused(new HostDirectoryOptions { MaxFileSize = -1 }, nameof(HostDirectoryOptions.MaxFileSize));
        AssertRefused(new HostDirectoryOptions { MaxWrittenBytes = -1 }, nameof(HostDirectoryOptions.MaxWrittenBytes));

        static void AssertRefused(HostDirectoryOptions options, string name) =>
            Assert.Contains($"{nameof(HostDirectoryOptions)}.{name} cannot be", Assert.Throws<ArgumentOutOfRangeException>(() => new HostDirectory("/", options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Path_ThatIsNoDirectory_IsRefusedByName()
    {
        Assert.Throws<ArgumentNullException>(static () => new HostDirectory(null!));
        Assert.Throws<ArgumentException>(static () => new HostDirectory(""));
        Assert.Throws<ArgumentException>(static () => new HostDirectory("/tmp\0x"));
        Assert.Contains("/nowhere/at all", Assert.Throws<DirectoryNotFoundException>(static () => new HostDirectory("/nowhere/at all")).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(static () => new HostDirectory("/proc/self/status"));
    }
}
