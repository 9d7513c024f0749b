namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>Names that a guest looks up, makes, moves and takes away, in a tree in memory.</summary>
public sealed class FuseNamesTests : IDisposable
{
    private const ulong Root = FuseClient.Root;

    private readonly MemoryTree _tree = new(new MemoryTreeOptions { MaxNames = 2000 });
    private readonly FuseClient _client;

    public FuseNamesTests()
    {
        _tree.WriteFile("dir/file", "content"u8);
        _client = new FuseClient(new FileSystemDevice("x", _tree.Root, new FileSystemOptions { CacheTime = TimeSpan.FromMilliseconds(2500) }));
    }

    public void Dispose() => _client.Dispose();

    [Fact]
    public void Lookup_OfAFile_TellsItsAttributes()
    {
        FuseEntry entry = _client.Lookup(_client.Find("dir"), "file").Answer;

        Assert.Equal(0x81A4U, entry.Attributes.Mode);
        Assert.Equal((7UL, 1U, 1UL), (entry.Attributes.Size, entry.Attributes.LinkCount, entry.Attributes.Blocks));
        Assert.Equal((2UL, 500_000_000U), (entry.EntrySeconds, entry.EntryNanoseconds));
        Assert.Equal((2UL, 500_000_000U), (entry.AttributeSeconds, entry.AttributeNanoseconds));
        Assert.NotEqual(0UL, entry.Attributes.ModifyTime);
    }

    [Fact]
    public void Lookup_OfNothing_IsNoEntry()
    {
        Assert.Equal(FileError.ENOENT, _client.Lookup(Root, "none").Error);
        Assert.Equal(FileError.ENOTDIR, _client.Lookup(_client.Find("dir/file"), "x").Error);
        Assert.Equal(FileError.ESTALE, _client.Lookup(0xDEAD, "x").Error);
        Assert.Equal(FileError.ESTALE, _client.Lookup(0, "x").Error);
    }

    [Theory]
    [InlineData("", FileError.EINVAL)]
    [InlineData(".", FileError.EINVAL)]
    [InlineData("..", FileError.EINVAL)]
    [InlineData("a/b", FileError.EINVAL)]
    [InlineData("/", FileError.EINVAL)]
    public void Names_ThatAreNone_AreRefusedEverywhere(string name, FileError error) => RefusesName(name, error);

    [Fact]
    public void Names_ThatAreTooLong_AreRefusedEverywhere()
    {
        RefusesName(new string('n', 256), FileError.ENAMETOOLONG);
        RefusesName(new string('n', 5000), FileError.ENAMETOOLONG);
        Assert.Equal(FileError.None, _client.MakeDirectory(Root, new string('n', 255)).Error);
    }

    private void RefusesName(string name, FileError error)
    {
        Assert.Equal(error, _client.Lookup(Root, name).Error);
        Assert.Equal(error, _client.MakeDirectory(Root, name).Error);
        Assert.Equal(error, _client.Create(Root, name).Error);
        Assert.Equal(error, _client.SymbolicLink(Root, name, "t").Error);
        Assert.Equal(error, _client.Link(Root, name, _client.Find("dir/file")).Error);
        Assert.Equal(error, _client.Unlink(Root, name));
        Assert.Equal(error, _client.RemoveDirectory(Root, name));
        Assert.Equal(error, _client.Rename(Root, name, Root, "x"));
        Assert.Equal(error, _client.Rename(Root, "dir", Root, name));
    }

    [Fact]
    public void Name_WithoutEnd_IsRefused() => Assert.Equal(FileError.EINVAL, _client.Call(FuseOpcode.Lookup, Root, "dir"u8).Error);

    [Fact]
    public void MakeDirectory_ByAUser_IsThatUsers()
    {
        FuseEntry entry = _client.MakeDirectory(Root, "new", 0x1C0).Answer;

        Assert.Equal(0x41C0U, entry.Attributes.Mode);
        Assert.Equal((FuseClient.UserId, FuseClient.GroupId), (entry.Attributes.UserId, entry.Attributes.GroupId));
        Assert.Equal(FileError.EEXIST, _client.MakeDirectory(Root, "new").Error);
        Assert.Equal(entry.NodeId, _client.Lookup(Root, "new").Answer.NodeId);
    }

    [Fact]
    public void MakeDirectory_WhereGroupIsInherited_InheritsIt()
    {
        ulong parent = _client.MakeDirectory(Root, "g", 0x5ED).Answer.NodeId;
        _client.SetAttributes(parent, new FuseSetAttributesRequest { Valid = FuseAttributeMask.GroupId, GroupId = 5 });

        FuseEntry entry = _client.MakeDirectory(parent, "in").Answer;

        Assert.Equal((5U, 0x45EDU), (entry.Attributes.GroupId, entry.Attributes.Mode));
    }

    [Theory]
    [InlineData(0x1000U, FileError.None)]
    [InlineData(0xC000U, FileError.None)]
    [InlineData(0x8000U, FileError.None)]
    [InlineData(0x2000U, FileError.EPERM)]
    [InlineData(0x6000U, FileError.EPERM)]
    [InlineData(0x4000U, FileError.EINVAL)]
    [InlineData(0xA000U, FileError.EINVAL)]
    [InlineData(0x0000U, FileError.EINVAL)]
    public void MakeNode_OfEachKind_MakesItOrRefuses(uint kind, FileError error)
    {
        byte[] arguments = [.. FuseClient.Bytes(new FuseMakeNodeRequest(kind | 0x180, 0, 0, 0)), .. FuseClient.Name("node")];
        (FileError actual, FuseEntry entry) = _client.Call<FuseEntry>(FuseOpcode.MakeNode, Root, arguments);

        Assert.Equal(error, actual);
        Assert.Equal(error == FileError.None ? kind | 0x180 : 0, entry.Attributes.Mode);
    }

    [Fact]
    public void SymbolicLink_Made_IsReadBack()
    {
        string target = "../../etc/" + new string('x', 4000);
        FuseEntry entry = _client.SymbolicLink(Root, "link", target).Answer;

        Assert.Equal(0xA1FFU, entry.Attributes.Mode);
        Assert.Equal((ulong)target.Length, entry.Attributes.Size);
        Assert.Equal(FuseClient.Name(target)[..^1], _client.Call(FuseOpcode.ReadLink, entry.NodeId).Data);
        Assert.Equal(FileError.EINVAL, _client.Call(FuseOpcode.ReadLink, Root).Error);
        Assert.Equal(FileError.ENAMETOOLONG, _client.Call(FuseOpcode.ReadLink, entry.NodeId, default, 100).Error);
        Assert.Equal(FileError.ENAMETOOLONG, _client.SymbolicLink(Root, "long", new string('x', 4096)).Error);
        Assert.Equal(FileError.ENOENT, _client.SymbolicLink(Root, "none", "").Error);
    }

    [Fact]
    public void Link_ToAFile_IsTheSameNode()
    {
        ulong file = _client.Find("dir/file");
        FuseEntry entry = _client.Link(Root, "other", file).Answer;

        Assert.Equal(file, entry.NodeId);
        Assert.Equal(2U, entry.Attributes.LinkCount);
        Assert.Equal(FileError.EPERM, _client.Link(Root, "d", _client.Find("dir")).Error);
        Assert.Equal(FileError.EEXIST, _client.Link(Root, "other", file).Error);
        _client.Unlink(Root, "other");
        Assert.Equal(1U, _client.GetAttributes(file).Answer.Attributes.LinkCount);
    }

    [Fact]
    public void Remove_OfWhatIsThere_GoesByItsKind()
    {
        Assert.Equal(FileError.EISDIR, _client.Unlink(Root, "dir"));
        Assert.Equal(FileError.ENOTEMPTY, _client.RemoveDirectory(Root, "dir"));
        ulong dir = _client.Find("dir");
        Assert.Equal(FileError.ENOTDIR, _client.RemoveDirectory(dir, "file"));
        Assert.Equal(FileError.None, _client.Unlink(dir, "file"));
        Assert.Equal(FileError.ENOENT, _client.Unlink(dir, "file"));
        Assert.Equal(FileError.None, _client.RemoveDirectory(Root, "dir"));

        // The kernel knows the directory still, and nothing comes into it any more.
        Assert.Equal(FileError.ENOENT, _client.Create(dir, "late").Error);
        Assert.Empty(_tree.List()!);
    }

    [Fact]
    public void Rename_OverAFile_ReplacesIt()
    {
        ulong dir = _client.Find("dir");
        _tree.WriteFile("old", "old"u8);
        ulong file = _client.Find("dir/file");

        Assert.Equal(FileError.EEXIST, _client.Rename(dir, "file", Root, "old", RenameModes.NoReplace));
        Assert.Equal(FileError.None, _client.Rename(dir, "file", Root, "old"));

        Assert.Equal("content"u8, _tree.ReadFile("old")!);
        Assert.Equal(file, _client.Find("old"));
        Assert.Empty(_tree.List("dir")!);
        Assert.Equal(FileError.ENOENT, _client.Rename(dir, "file", Root, "x"));
    }

    [Fact]
    public void Rename_ByTheOldRequest_Moves()
    {
        byte[] arguments = [.. FuseClient.Bytes(new FuseRenameRequest(Root)), .. FuseClient.Name("file"), .. FuseClient.Name("moved")];
        Assert.Equal(FileError.None, _client.Call(FuseOpcode.Rename, _client.Find("dir"), arguments).Error);
        Assert.Equal("content"u8, _tree.ReadFile("moved")!);
    }

    [Fact]
    public void Rename_OfADirectoryIntoItself_IsRefused()
    {
        ulong dir = _client.Find("dir");
        ulong inner = _client.MakeDirectory(dir, "inner").Answer.NodeId;

        Assert.Equal(FileError.EINVAL, _client.Rename(Root, "dir", inner, "x"));
        Assert.Equal(FileError.EINVAL, _client.Rename(Root, "dir", dir, "x"));
        Assert.Equal(FileError.EINVAL, _client.Rename(Root, "dir", dir, "inner", RenameModes.Exchange));
        Assert.Equal(FileError.EINVAL, _client.Rename(dir, "inner", Root, "dir", RenameModes.Exchange));
        Assert.Equal(FileError.ENOTEMPTY, _client.Rename(dir, "inner", Root, "dir"));
    }

    [Fact]
    public void Rename_OverAnotherKind_IsRefused()
    {
        _client.MakeDirectory(Root, "empty");
        Assert.Equal(FileError.EISDIR, _client.Rename(_client.Find("dir"), "file", Root, "empty"));
        Assert.Equal(FileError.ENOTDIR, _client.Rename(Root, "empty", _client.Find("dir"), "file"));
        Assert.Equal(FileError.None, _client.Rename(Root, "dir", Root, "empty"));
        Assert.Equal(["empty"], _tree.List()!);
        Assert.Equal(FileError.EINVAL, _client.Rename(Root, "empty", Root, "x", (RenameModes)4));
        Assert.Equal(FileError.EINVAL, _client.Rename(Root, "empty", Root, "x", RenameModes.Exchange | RenameModes.NoReplace));
    }

    [Fact]
    public void Rename_Exchange_ChangesPlaces()
    {
        _tree.WriteFile("other", "o"u8);
        Assert.Equal(FileError.ENOENT, _client.Rename(Root, "other", Root, "none", RenameModes.Exchange));
        Assert.Equal(FileError.None, _client.Rename(Root, "other", Root, "dir", RenameModes.Exchange));
        Assert.Equal("o"u8, _tree.ReadFile("dir")!);
        Assert.Equal("content"u8, _tree.ReadFile("other/file")!);
    }

    [Theory]
    [InlineData(false, 4096)]
    [InlineData(false, 300)]
    [InlineData(true, 8192)]
    [InlineData(true, 600)]
    public void List_OfManyNames_HasEachOnce(bool hasEntries, int size)
    {
        string[] names = [.. Enumerable.Range(0, 300).Select(static i => $"n{i}")];
        foreach (string name in names)
        {
            _tree.WriteFile($"many/{name}", []);
        }

        List<(string Name, ulong Node, NodeKind Kind)> list = _client.List(_client.Find("many"), hasEntries, size);

        Assert.Equal([".", "..", .. names], list.Select(static entry => entry.Name));
        Assert.All(list.Skip(2), static entry => Assert.Equal(NodeKind.File, entry.Kind));
        Assert.All(list, entry => Assert.Equal(hasEntries && entry.Name[0] != '.', entry.Node != 0));
        Assert.True(!hasEntries || list[^1].Node == _client.Find("many/n299"));
    }

    [Fact]
    public void List_WhileNamesGo_MissesNone()
    {
        for (int i = 0; i < 200; i++)
        {
            _tree.WriteFile($"many/n{i}", []);
        }

        // As rm -r does: some entries, then they go, then more.
        ulong many = _client.Find("many");
        int rounds = 0;
        while (_client.List(many, size: 400).Skip(2).Take(7).ToArray() is { Length: > 0 } some)
        {
            Assert.All(some, entry => Assert.Equal(FileError.None, _client.Unlink(many, entry.Name)));
            Assert.True(++rounds < 100);
        }

        Assert.Empty(_tree.List("many")!);
    }

    [Fact]
    public void Names_BeyondTheLimit_FindNoSpace()
    {
        using var client = new FuseClient(new FileSystemDevice("x", new MemoryTree(new MemoryTreeOptions { MaxNames = 3 }).Root));
        client.MakeDirectory(Root, "1");
        ulong file = client.Create(Root, "2").Answer.Entry.NodeId;
        Assert.Equal(FileError.None, client.Link(Root, "3", file).Error);
        Assert.Equal(FileError.ENOSPC, client.MakeDirectory(Root, "4").Error);
        Assert.Equal(FileError.ENOSPC, client.Link(Root, "4", file).Error);
        Assert.Equal(FileError.ENOSPC, client.SymbolicLink(Root, "4", "t").Error);
        client.Unlink(Root, "3");
        Assert.Equal(FileError.None, client.SymbolicLink(Root, "4", "t").Error);
    }

    [Fact]
    public void Tree_ReadOnly_RefusesTheGuestAlone()
    {
        var tree = new MemoryTree(new MemoryTreeOptions { IsReadOnly = true });
        tree.WriteFile("f", "1"u8);
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        Assert.Equal(FileError.EROFS, client.MakeDirectory(Root, "d").Error);
        Assert.Equal(FileError.EROFS, client.Unlink(Root, "f"));
        Assert.Equal(FileError.EROFS, client.Rename(Root, "f", Root, "g"));
        Assert.Equal(FileError.EROFS, client.Open(client.Find("f"), 1).Error);
        Assert.Equal(FileError.EROFS, client.SetAttributes(client.Find("f"), default).Error);
        Assert.Equal("1"u8, client.Read(client.Open(client.Find("f")).Answer.Handle, 0, 10).Data);
        tree.WriteFile("f", "2"u8);
        Assert.True(tree.Delete("f"));
    }
}
