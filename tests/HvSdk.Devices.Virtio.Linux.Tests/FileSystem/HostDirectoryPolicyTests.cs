using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Linux.Tests.FileSystem;

/// <summary>Owners, privileged bits, links: what a guest may leave on the host.</summary>
public sealed class HostDirectoryPolicyTests
{
    private const ulong Root = FuseClient.Root;
    private const uint SetIds = 0xC00;

    [Fact]
    public void SetIdBits_OfTheGuest_DoNotReachTheHost()
    {
        using var share = new SharedFolder();
        FuseCreateAnswer created = share.Client.Create(Root, "f", mode: SetIds | 0x1ED).Answer;
        share.Client.MakeDirectory(Root, "d", mode: SetIds | 0x1ED);
        Assert.Equal(FileError.None, SetMode(share, created.Entry.NodeId, SetIds | 0x1ED).Error);
        Assert.Equal(0x81EDU, share.Client.GetAttributes(created.Entry.NodeId).Answer.Attributes.Mode);
        Assert.All(["f", "d"], name => Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(share[name])));
    }

    [Fact]
    public void SetIdBits_OfTheHost_GoBeforeTheGuestWrites()
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            foreach (string name in (string[])["opened", "cut", "read"])
            {
                File.WriteAllText(share[name], "#!/bin/sh");
                File.SetUnixFileMode(share[name], (UnixFileMode)(SetIds | 0x1ED));
            }
        });
        Assert.Equal(0x81EDU, share.Client.Lookup(Root, "read").Answer.Attributes.Mode);
        share.Client.Open(share.Client.Find("read"));
        share.Client.Open(share.Client.Find("opened"), flags: 1);
        share.Client.SetAttributes(share.Client.Find("cut"), new FuseSetAttributesRequest(FuseAttributeMask.Size, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
        Assert.Equal(SetIds | 0x1ED, (uint)File.GetUnixFileMode(share["read"]));
        Assert.All(["opened", "cut"], name => Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(share[name])));
    }

    [Fact]
    public void SetIdBits_Allowed_Pass()
    {
        using var share = new SharedFolder(new HostDirectoryOptions { IsWritable = true, AllowsSetIdBits = true });
        FuseCreateAnswer created = share.Client.Create(Root, "f", mode: 0x9ED).Answer;
        Assert.Equal(0x89EDU, created.Entry.Attributes.Mode);
        Assert.Equal(0x9EDU, (uint)File.GetUnixFileMode(share["f"]));
    }

    [Fact]
    public void Owners_Fixed_AreTheSameForAll()
    {
        using var share = new SharedFolder(new HostDirectoryOptions { IsWritable = true, UserId = 1000, GroupId = 100 });
        FuseCreateAnswer created = share.Client.Create(Root, "f").Answer;
        Assert.Equal((1000U, 100U), (created.Entry.Attributes.UserId, created.Entry.Attributes.GroupId));
        Assert.Equal(FileError.None, SetOwner(share, created.Entry.NodeId, 1000).Error);
        Assert.Equal(FileError.EPERM, SetOwner(share, created.Entry.NodeId, 1001).Error);
    }

    [Fact]
    public void Owners_OfTheHost_CannotBeChanged()
    {
        using var share = new SharedFolder();
        FuseEntry file = share.Client.Create(Root, "f").Answer.Entry;
        Assert.Equal(FileError.None, SetOwner(share, file.NodeId, file.Attributes.UserId).Error);
        Assert.Equal(FileError.EPERM, SetOwner(share, file.NodeId, file.Attributes.UserId + 1).Error);
    }

    [Fact]
    public void SymbolicLinks_Forbidden_AreNotMade()
    {
        using var share = new SharedFolder(new HostDirectoryOptions { IsWritable = true, AllowsNewSymbolicLinks = false });
        Assert.Equal(FileError.EPERM, share.Client.SymbolicLink(Root, "result", "/etc/shadow").Error);
        Assert.Empty(Directory.GetFileSystemEntries(share.Inside));
    }

    [Fact]
    public void SymbolicLink_MadeByTheGuest_HasItsText()
    {
        using var share = new SharedFolder();
        string target = "../../" + new string('x', 4000);
        Assert.Equal(FileError.None, share.Client.SymbolicLink(Root, "l", target).Error);
        Assert.Equal(target, new FileInfo(share["l"]).LinkTarget);
    }

    private static (FileError Error, FuseAttributesAnswer Answer) SetMode(SharedFolder share, ulong node, uint mode) =>
        share.Client.SetAttributes(node, new FuseSetAttributesRequest(FuseAttributeMask.Mode, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, mode, 0, 0, 0, 0));

    private static (FileError Error, FuseAttributesAnswer Answer) SetOwner(SharedFolder share, ulong node, uint user) =>
        share.Client.SetAttributes(node, new FuseSetAttributesRequest(FuseAttributeMask.UserId, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, user, 0, 0));
}
