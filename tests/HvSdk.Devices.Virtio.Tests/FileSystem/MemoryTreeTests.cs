namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>The host's side of a tree in memory.</summary>
public sealed class MemoryTreeTests
{
    [Fact]
    public void Files_WrittenAndRead_AreTheSame()
    {
        var tree = new MemoryTree();
        tree.WriteFile("a/b/c", "first, and longer"u8);
        tree.WriteFile("a/b/c", "second"u8);
        tree.CreateDirectory("a/d");

        Assert.Equal("second"u8, tree.ReadFile("a/b/c")!);
        Assert.Equal(["b", "d"], tree.List("a")!);
        Assert.Equal(["a"], tree.List()!);
        Assert.Null(tree.ReadFile("a"));
        Assert.Null(tree.ReadFile("a/b/c/d"));
        Assert.Null(tree.List("a/b/c"));
        Assert.False(tree.Delete("a/b"));
        Assert.True(tree.Delete("a/b/c"));
        Assert.True(tree.Delete("a/b"));
        Assert.False(tree.Delete("a/b"));
        Assert.Equal(0, tree.UsedBytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData("a/../b")]
    [InlineData("a\0")]
    public void Path_ThatIsNone_Throws(string path)
    {
        var tree = new MemoryTree();
        Assert.Contains("is no path", Assert.Throws<ArgumentException>(() => tree.WriteFile(path, [])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => tree.ReadFile(path));
        Assert.Throws<ArgumentException>(() => tree.Delete(path));
    }

    [Fact]
    public void Path_ThroughAFile_Throws()
    {
        var tree = new MemoryTree();
        tree.WriteFile("f", []);
        tree.CreateDirectory("d");
        Assert.Throws<ArgumentException>(() => tree.WriteFile("f/x", []));
        Assert.Throws<ArgumentException>(() => tree.WriteFile("d", []));
        Assert.Throws<ArgumentException>(() => tree.CreateDirectory("f"));
    }

    [Fact]
    public void Tree_Full_ThrowsAndKeepsTheOld()
    {
        var tree = new MemoryTree(new MemoryTreeOptions { MaxBytes = 1000, MaxNames = 2 });
        tree.WriteFile("f", new byte[500]);
        Assert.Throws<IOException>(() => tree.WriteFile("g", new byte[600]));
        Assert.Throws<IOException>(() => tree.WriteFile("h", []));
        Assert.Equal(500, tree.ReadFile("f")!.Length);
        Assert.Equal(512, tree.UsedBytes);
    }

    [Fact]
    public void Files_OfTheHost_AreSeenByTheGuestAndBack()
    {
        var tree = new MemoryTree();
        using var first = new FuseClient(new FileSystemDevice("x", tree.Root));
        using var second = new FuseClient(new FileSystemDevice("x", tree.Root));
        tree.CreateDirectory("out", 0x1FF);

        ulong directory = first.Find("out");
        Assert.Equal(0x41FFU, first.GetAttributes(directory).Answer.Attributes.Mode);
        first.Write(first.Create(directory, "result").Answer.Open.Handle, 0, "42"u8);

        Assert.Equal("42"u8, tree.ReadFile("out/result")!);
        Assert.Equal("42"u8, second.Read(second.Open(second.Find("out/result")).Answer.Handle, 0, 9).Data);
    }
}
