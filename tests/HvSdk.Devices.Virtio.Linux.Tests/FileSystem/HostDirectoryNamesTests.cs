using System.Globalization;
using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Linux.Tests.FileSystem;

/// <summary>Names in a host's directory: listed, made, moved, removed.</summary>
public sealed class HostDirectoryNamesTests
{
    private const ulong Root = FuseClient.Root;
    private const int Many = 3000;

    [Theory]
    [InlineData(false, 400)]
    [InlineData(false, 4096)]
    [InlineData(true, 500)]
    [InlineData(true, 1 << 20)]
    public void Directory_WithManyEntries_ListsEachOnce(bool hasEntries, int size)
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            for (int i = 0; i < Many; i++)
            {
                File.WriteAllText(share[NameOf(i)], "");
            }
        });
        for (int turn = 0; turn < 2; turn++)
        {
            List<(string Name, ulong Node, NodeKind Kind)> entries = share.Client.List(Root, hasEntries, size);
            Assert.Equal([".", "..", .. Enumerable.Range(0, Many).Select(NameOf)], entries.Select(static entry => entry.Name).Order(StringComparer.Ordinal));
            Assert.All(entries.Skip(2), entry => Assert.Equal(NodeKind.File, entry.Kind));
            Assert.All(entries.Skip(2), entry => Assert.Equal(hasEntries, entry.Node != 0));
        }

        Assert.Equal(hasEntries ? Many : 0, share.Tree.Handles);
    }

    [Fact]
    public void Directory_WhoseEntriesGoWhileListed_MissesNone()
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            for (int i = 0; i < Many; i++)
            {
                File.WriteAllText(share[NameOf(i)], "");
            }
        });
        ulong handle = share.Client.OpenDirectory(Root).Answer.Handle;
        ulong position = 0;
        int gone = 0;
        while (true)
        {
            (FileError error, byte[] data) = share.Client.Call(FuseOpcode.ReadDirectory, Root, FuseClient.Bytes(new FuseTransferRequest(handle, position, 1000, 0, 0, 0, 0)), 1000);
            Assert.Equal(FileError.None, error);
            if (data.Length == 0)
            {
                break;
            }

            for (int at = 0; at < data.Length;)
            {
                FuseDirectoryEntry entry = System.Runtime.InteropServices.MemoryMarshal.Read<FuseDirectoryEntry>(data.AsSpan(at));
                string name = System.Text.Encoding.ASCII.GetString(data, at + FuseDirectoryEntry.Size, (int)entry.NameLength);
                at += (FuseDirectoryEntry.Size + (int)entry.NameLength + 7) & ~7;
                position = entry.Next;
                gone += name is "." or ".." ? 0 : share.Client.Unlink(Root, name) == FileError.None ? 1 : 0;
            }
        }

        Assert.Equal(Many, gone);
        Assert.Empty(Directory.GetFileSystemEntries(share.Inside));
    }

    [Fact]
    public void Names_Moved_MoveOnTheHost()
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            File.WriteAllText(share["a"], "a");
            File.WriteAllText(share["b"], "b");
        });
        ulong directory = share.Client.MakeDirectory(Root, "d", mode: 0x1FF).Answer.NodeId;
        Assert.Equal(FileError.EEXIST, share.Client.Rename(Root, "a", Root, "b", RenameModes.NoReplace));
        Assert.Equal(FileError.None, share.Client.Rename(Root, "a", Root, "b", RenameModes.Exchange));
        Assert.Equal(("b", "a"), (File.ReadAllText(share["a"]), File.ReadAllText(share["b"])));
        Assert.Equal(FileError.None, share.Client.Rename(Root, "a", directory, "c"));
        Assert.Equal("b", File.ReadAllText(share["d/c"]));
        Assert.Equal(FileError.EINVAL, share.Client.Rename(Root, "d", directory, "below itself"));
        Assert.Equal(FileError.ENOTEMPTY, share.Client.RemoveDirectory(Root, "d"));
        Assert.Equal(FileError.None, share.Client.Unlink(directory, "c"));
        Assert.Equal(FileError.None, share.Client.RemoveDirectory(Root, "d"));
        Assert.Equal(FileError.ENOENT, share.Client.MakeDirectory(directory, "in nothing").Error);
    }

    [Fact]
    public void Directory_MadeByTheGuest_HasItsPermissions()
    {
        using var share = new SharedFolder();
        Assert.Equal(0x41FFU, share.Client.MakeDirectory(Root, "d", mode: 0x1FF).Answer.Attributes.Mode);
        Assert.Equal((UnixFileMode)0x1FF, File.GetUnixFileMode(share["d"]));
    }

    [Fact]
    public void HardLink_OfAFile_IsOneNode()
    {
        using var share = new SharedFolder(prepare: static share => File.WriteAllText(share["a"], "a"));
        ulong file = share.Client.Find("a");
        (FileError error, FuseEntry entry) = share.Client.Link(Root, "b", file);
        Assert.Equal((FileError.None, file, 2U), (error, entry.NodeId, entry.Attributes.LinkCount));
        Assert.Equal(file, share.Client.Find("b"));
        share.Client.SymbolicLink(Root, "l", "a");
        Assert.Equal(FileError.EPERM, share.Client.Link(Root, "m", share.Client.Find("l")).Error);
        Assert.Equal(FileError.EPERM, share.Client.Link(Root, "r", Root).Error);
        Assert.Equal(FileError.EEXIST, share.Client.Link(Root, "a", file).Error);
    }

    [Fact]
    public void Names_ThatAreNoText_StayTheirBytes()
    {
        using var share = new SharedFolder();
        string[] names = ["\xFF\xFE", "a\nb", " ", "...", "-rf", "\x01\x7F", "con:", "\\..\\..", "%2e%2e", "\xC0\xAE\xC0\xAE", new string('x', 255)];
        Assert.All(names, name => Assert.Equal(FileError.None, share.Client.Create(Root, name).Error));
        Assert.Equal(names.Order(StringComparer.Ordinal), share.Client.List(Root).Skip(2).Select(static entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.All(names, name => Assert.Equal(FileError.None, share.Client.Unlink(Root, name)));
        Assert.Empty(Directory.GetFileSystemEntries(share.Inside));
        share.AssertUntouched();
    }

    private static string NameOf(int i) => string.Create(CultureInfo.InvariantCulture, $"entry {i:D5}");
}
