using System.Text;
using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Linux.Tests.FileSystem;

/// <summary>A guest never leaves the directory.</summary>
public sealed class HostDirectoryContainmentTests
{
    private const ulong Root = FuseClient.Root;

    [Fact]
    public void SymbolicLink_ToOutside_IsAText()
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            File.CreateSymbolicLink(share["file"], share.OutsideFile);
            Directory.CreateSymbolicLink(share["folder"], share.Outside);
        });
        (FileError error, FuseEntry file) = share.Client.Lookup(Root, "file");
        FuseEntry folder = share.Client.Lookup(Root, "folder").Answer;
        Assert.Equal((FileError.None, (uint)NodeKind.SymbolicLink), (error, file.Attributes.Mode >> 12));
        Assert.Equal(share.OutsideFile, Encoding.UTF8.GetString(share.Client.Call(FuseOpcode.ReadLink, file.NodeId).Data));

        Assert.All([0U, 1U, 2U, 0x201U], flags => Assert.Equal(FileError.ELOOP, share.Client.Open(file.NodeId, flags).Error));
        Assert.Equal(FileError.EINVAL, share.Client.SetAttributes(file.NodeId, Set(FuseAttributeMask.Size)).Error);
        Assert.Equal(FileError.EOPNOTSUPP, share.Client.SetAttributes(file.NodeId, Set(FuseAttributeMask.Mode)).Error);
        Assert.Equal(FileError.None, share.Client.SetAttributes(file.NodeId, Set(FuseAttributeMask.ModifyTime)).Error); // its own time
        Assert.True(File.GetLastWriteTimeUtc(share.OutsideFile).Year > 2000);
        Assert.Equal(FileError.ENOTDIR, share.Client.OpenDirectory(folder.NodeId).Error);
        Assert.Equal(FileError.ENOTDIR, share.Client.Lookup(folder.NodeId, "file").Error);
        Assert.Equal(FileError.ENOTDIR, share.Client.Create(folder.NodeId, "new").Error);
        Assert.Equal(FileError.ENOTDIR, share.Client.MakeDirectory(folder.NodeId, "new").Error);
        Assert.Equal(FileError.ENOTDIR, share.Client.Unlink(folder.NodeId, "file"));
        Assert.Equal(FileError.ENOTDIR, share.Client.Rename(Root, "file", folder.NodeId, "new"));
        Assert.Equal(FileError.EEXIST, share.Client.Create(Root, "file", flags: 2 | 0x80).Error);
        Assert.Equal(FileError.ELOOP, share.Client.Create(Root, "file").Error); // not exclusive: what is there is opened, and is a link
        share.AssertUntouched();
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("../outside")]
    [InlineData("/etc/passwd")]
    [InlineData("d/..")]
    [InlineData("a\0b")]
    public void Name_ThatIsNone_IsRefusedByTheTreeItself(string name)
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            Directory.CreateDirectory(share["d"]);
            File.WriteAllText(share["f"], "f");
        });
        SharedNode root = share.Tree.Root;
        byte[] bytes = Encoding.Latin1.GetBytes(name);
        var file = new NewNode(NodeKind.File, 0x1FF, 0, 0);
        Assert.Equal(FileError.None, root.Lookup("f"u8, out SharedNode? existing));

        Assert.Equal(FileError.EINVAL, root.Lookup(bytes, out _));
        Assert.Equal(FileError.EINVAL, root.Create(bytes, file, out _));
        Assert.Equal(FileError.EINVAL, root.Create(bytes, file with { Kind = NodeKind.Directory }, out _));
        Assert.Equal(FileError.EINVAL, root.CreateSymbolicLink(bytes, "x"u8, file, out _));
        Assert.Equal(FileError.EINVAL, root.Link(bytes, existing!));
        Assert.Equal(FileError.EINVAL, root.Unlink(bytes));
        Assert.Equal(FileError.EINVAL, root.RemoveDirectory(bytes));
        Assert.Equal(FileError.EINVAL, root.Rename(bytes, root, "g"u8, RenameModes.None));
        Assert.Equal(FileError.EINVAL, root.Rename("f"u8, root, bytes, RenameModes.None));
        share.AssertUntouched();
    }

    [Fact]
    public void SpecialFiles_OfTheHost_AreSeenAndNotOpened()
    {
        using var share = new SharedFolder(new HostDirectoryOptions { IsWritable = true, AllowsPipesAndSockets = true });
        Assert.Equal(FileError.None, Make("pipe", NodeKind.Fifo));
        Assert.Equal(FileError.None, Make("socket", NodeKind.Socket));
        Assert.All(["pipe", "socket"], name => Assert.Equal(FileError.ENXIO, share.Client.Open(share.Client.Find(name), flags: 2).Error)); // a pipe that was opened would wait for its other side
        Assert.All([NodeKind.BlockDevice, NodeKind.CharacterDevice], kind => Assert.Equal(FileError.EPERM, Make("device", kind)));
        using var strict = new SharedFolder();
        Assert.All(
            [NodeKind.Fifo, NodeKind.Socket, NodeKind.BlockDevice, NodeKind.CharacterDevice],
            kind => Assert.Equal(FileError.EPERM, strict.Tree.Root.Create("x"u8, new NewNode(kind, 0x1FF, 0, 0, 0x103), out _)));

        FileError Make(string name, NodeKind kind) =>
            share.Client.Call(FuseOpcode.MakeNode, Root, [.. FuseClient.Bytes(new FuseMakeNodeRequest(((uint)kind << 12) | 0x1FF, 0x103, 0, 0)), .. FuseClient.Name(name)]).Error;
    }

    [Fact]
    public void Trees_TwoOfThem_DoNotMix()
    {
        using var first = new SharedFolder(prepare: static share => File.WriteAllText(share["f"], "f"));
        using var second = new SharedFolder();
        first.Tree.Root.Lookup("f"u8, out SharedNode? file);
        Assert.Equal(FileError.EXDEV, second.Tree.Root.Link("f"u8, file!));
        Assert.Equal(FileError.EXDEV, first.Tree.Root.Rename("f"u8, second.Tree.Root, "f"u8, RenameModes.None));
        Assert.Equal(FileError.EXDEV, first.Tree.Root.Rename("f"u8, new MemoryTree().Root, "f"u8, RenameModes.None));
    }

    [Theory]
    [InlineData(false, FileError.EXDEV)]
    [InlineData(true, FileError.None)]
    public void Mount_BelowTheDirectory_IsClosedUnlessAllowed(bool allows, FileError expected)
    {
        using var tree = new HostDirectory("/", new HostDirectoryOptions { AllowsMounts = allows });
        Assert.Equal(expected, tree.Root.Lookup("proc"u8, out SharedNode? node));
        Assert.Equal(allows, node is not null);
    }

    [Fact]
    public void Directory_ReadOnly_RefusesEveryChange()
    {
        using var share = new SharedFolder(new HostDirectoryOptions(), static share =>
        {
            File.WriteAllText(share["f"], "content");
            Directory.CreateDirectory(share["d"]);
        });
        ulong file = share.Client.Find("f");
        ulong handle = share.Client.Open(file).Answer.Handle;
        Assert.Equal("content"u8, share.Client.Read(handle, 0, 100).Data);
        Assert.Equal(FileError.EBADF, share.Client.Write(handle, 0, "x"u8).Error);
        Assert.All([1U, 2U, 0x200U], flags => Assert.Equal(FileError.EROFS, share.Client.Open(file, flags).Error));
        Assert.All(
            [FuseAttributeMask.Mode, FuseAttributeMask.Size, FuseAttributeMask.ModifyTime, FuseAttributeMask.UserId],
            mask => Assert.Equal(FileError.EROFS, share.Client.SetAttributes(file, Set(mask)).Error));
        Assert.Equal(FileError.EROFS, share.Client.Create(Root, "x").Error);
        Assert.Equal(FileError.EROFS, share.Client.MakeDirectory(Root, "x").Error);
        Assert.Equal(FileError.EROFS, share.Client.SymbolicLink(Root, "x", "y").Error);
        Assert.Equal(FileError.EROFS, share.Client.Link(Root, "x", file).Error);
        Assert.Equal(FileError.EROFS, share.Client.Unlink(Root, "f"));
        Assert.Equal(FileError.EROFS, share.Client.RemoveDirectory(Root, "d"));
        Assert.Equal(FileError.EROFS, share.Client.Rename(Root, "f", Root, "g"));
        Assert.Equal(FileError.EROFS, share.Tree.Root.Create("x"u8, new NewNode(NodeKind.Fifo, 0, 0, 0), out _));
        Assert.Equal(FileError.EBADF, share.Client.Call(FuseOpcode.Allocate, Root, FuseClient.Bytes(new FuseAllocateRequest(handle, 0, 1, 0, 0))).Error);
        Assert.Equal(2, Directory.GetFileSystemEntries(share.Inside).Length);
        share.AssertUntouched();
    }

    private static FuseSetAttributesRequest Set(FuseAttributeMask mask) => new(mask, 0, 0, 0, 0, 0, 1000, 0, 0, 0, 0, 0x1FF, 0, 4242, 4242, 0);
}
