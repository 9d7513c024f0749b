using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Tests.State;

/// <summary>Nodes and open files of a guest are found again in the tree by their names.</summary>
public sealed class FileSystemStateTests
{
    [Fact]
    public void Nodes_ByTheirNames_AreFoundAgain()
    {
        MemoryTree tree = NewTree();
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        ulong directory = client.Find("d");
        ulong file = client.Lookup(directory, "f").Answer.NodeId;
        ulong handle = client.Open(file).Answer.Handle;
        ulong listing = client.OpenDirectory(directory).Answer.Handle;
        ulong removed = client.Find("gone");
        Assert.Equal(FileError.None, client.Rename(FuseClient.Root, "d", FuseClient.Root, "renamed"));
        Assert.Equal(FileError.None, client.Unlink(FuseClient.Root, "gone"));

        Move(client, tree);

        Assert.Equal("content"u8.ToArray(), client.Read(handle, 0, 100).Data);
        Assert.Equal(FileError.None, client.GetAttributes(file).Error);
        Assert.Equal(FileError.ESTALE, client.GetAttributes(removed).Error);
        Assert.Equal(file, client.Lookup(directory, "f").Answer.NodeId);
        Assert.Equal(FileError.None, client.Release(listing));
        ulong fresh = client.Find("other");
        Assert.DoesNotContain(fresh, new[] { directory, file, removed });
        Move(client, tree);
        Assert.Equal(FileError.ESTALE, client.GetAttributes(removed).Error);
        Assert.Equal("content"u8.ToArray(), client.Read(handle, 0, 100).Data);
    }

    [Fact]
    public void Tree_WithoutANode_IsRefusedByItsPath()
    {
        MemoryTree tree = NewTree();
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        client.Lookup(client.Find("d"), "f");
        client.Bench.Slot.Pause();
        VirtioMmioState state = client.Bench.SaveState();
        var other = new MemoryTree();
        other.CreateDirectory("d");
        client.Bench.Replace(new FileSystemDevice("x", other.Root));

        ArgumentException exception = Assert.Throws<ArgumentException>(() => client.Bench.LoadState(state));

        Assert.Contains("'/d/f'", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0U, client.Bench.Driver.Status);
    }

    [Fact]
    public void Tag_OfAnother_IsRefused()
    {
        using var client = new FuseClient(new FileSystemDevice("x", NewTree().Root));
        client.Bench.Slot.Pause();
        VirtioMmioState state = client.Bench.SaveState();
        client.Bench.Replace(new FileSystemDevice("y", NewTree().Root));

        Assert.Contains("'x'", Assert.Throws<ArgumentException>(() => client.Bench.LoadState(state)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_WithinOneAnother_AreRefused()
    {
        MemoryTree tree = NewTree();
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        ulong directory = client.Find("d");
        ulong file = client.Lookup(directory, "f").Answer.NodeId;
        client.Bench.Slot.Pause();
        VirtioMmioState state = client.Bench.SaveState();
        var saved = (FileSystemDeviceState)state.Device.Device!;
        saved = saved with { Nodes = [.. saved.Nodes.Select(node => node.Id == directory ? node with { Parent = file } : node)] };
        client.Bench.Replace(new FileSystemDevice("x", tree.Root));

        ArgumentException exception = Assert.Throws<ArgumentException>(() => client.Bench.LoadState(state with { Device = state.Device with { Device = saved } }));

        Assert.Contains("lies within it", exception.Message, StringComparison.Ordinal);
    }

    private static MemoryTree NewTree()
    {
        var tree = new MemoryTree();
        tree.WriteFile("d/f", "content"u8);
        tree.WriteFile("gone", "x"u8);
        tree.WriteFile("other", "x"u8);
        return tree;
    }

    private static void Move(FuseClient client, MemoryTree tree)
    {
        client.Bench.Slot.Pause();
        VirtioMmioState state = client.Bench.SaveState();
        client.Bench.Replace(new FileSystemDevice("x", tree.Root));
        client.Bench.LoadState(state);
    }
}
