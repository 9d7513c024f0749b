using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>What no kernel sends, and what would make the host grow.</summary>
public sealed class FuseHostileTests
{
    private const ulong Root = FuseClient.Root;

    private static readonly FuseOpcode[] s_opcodes = Enum.GetValues<FuseOpcode>();

    [Fact]
    public void Request_CutAtEveryLength_GetsAnErrorOrNothing()
    {
        var device = new FileSystemDevice("x", new MemoryTree().Root);
        using var client = new FuseClient(device);
        foreach (FuseOpcode opcode in s_opcodes.Where(static opcode => opcode is not (FuseOpcode.Init or FuseOpcode.Destroy)))
        {
            byte[] whole = [.. FuseClient.Bytes(new FuseRequestHeader(140, opcode, 5, Root, 0, 0, 0, 0)), .. new byte[100]];
            for (int length = 1; length < whole.Length; length++)
            {
                byte[] answer = client.Send(client.Requests, whole.AsSpan(0, length), 4096);
                Assert.Equal(length < FuseRequestHeader.Size || opcode is FuseOpcode.Forget or FuseOpcode.BatchForget ? 0 : FuseAnswerHeader.Size, answer.Length);
            }
        }

        Assert.NotEqual(0, device.Counters.MalformedRequests);
        Assert.Equal(FileError.None, client.GetAttributes(Root).Error);
    }

    [Fact]
    public void Request_WithShortArguments_IsInvalid()
    {
        using var client = new FuseClient(new FileSystemDevice("x", new MemoryTree().Root));
        FuseOpcode[] withArguments =
        [
            FuseOpcode.Init, FuseOpcode.GetAttributes, FuseOpcode.SetAttributes, FuseOpcode.MakeNode, FuseOpcode.MakeDirectory, FuseOpcode.Rename, FuseOpcode.Rename2, FuseOpcode.Link,
            FuseOpcode.Create, FuseOpcode.Open, FuseOpcode.Read, FuseOpcode.Write, FuseOpcode.Release, FuseOpcode.Flush, FuseOpcode.Sync, FuseOpcode.Allocate, FuseOpcode.Seek,
            FuseOpcode.OpenDirectory, FuseOpcode.ReadDirectory, FuseOpcode.ReadDirectoryPlus, FuseOpcode.ReleaseDirectory, FuseOpcode.SyncDirectory,
        ];
        Assert.All(withArguments, opcode => Assert.Equal(FileError.EINVAL, client.Call(opcode, Root, new byte[4]).Error));
        Assert.Equal(FileError.None, client.GetAttributes(Root).Error); // a request that is none ends no session
    }

    [Fact]
    public void Answer_WithoutRoom_DoesNothing()
    {
        var tree = new MemoryTree();
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        byte[] makes = [.. FuseClient.Bytes(new FuseRequestHeader(50, FuseOpcode.MakeDirectory, 5, Root, 0, 0, 0, 0)), .. new byte[8], (byte)'d', 0];
        for (int room = 0; room < FuseAnswerHeader.Size + FuseEntry.Size; room++)
        {
            Assert.Equal(room < FuseAnswerHeader.Size ? 0 : FuseAnswerHeader.Size, client.Send(client.Requests, makes, room).Length);
        }

        Assert.Empty(tree.List()!);
    }

    [Fact]
    public void Nodes_BeyondTheLimit_AreRefusedUntilForgotten()
    {
        var tree = new MemoryTree();
        for (int i = 0; i < 10; i++)
        {
            tree.WriteFile($"f{i}", []);
        }

        using var client = new FuseClient(new FileSystemDevice("x", tree.Root, new FileSystemOptions { MaxNodes = 4 }));
        ulong[] nodes = [.. Enumerable.Range(0, 3).Select(i => client.Find($"f{i}"))];
        Assert.Equal(FileError.ENFILE, client.Lookup(Root, "f3").Error);
        Assert.Equal(FileError.ENFILE, client.Create(Root, "new").Error);
        Assert.Null(tree.ReadFile("new"));
        Assert.Equal(12, client.List(Root, hasEntries: true).Count); // those that are not known come without a node

        // Twice looked up, twice to be forgotten; the listing was the second time.
        client.Forget(nodes[0], 1);
        Assert.Equal(FileError.None, client.GetAttributes(nodes[0]).Error);
        client.Forget(nodes[0], 1);
        Assert.Equal(FileError.ESTALE, client.GetAttributes(nodes[0]).Error);
        Assert.NotEqual(nodes[0], client.Find("f3"));
        Assert.Equal(FileError.ESTALE, client.GetAttributes(nodes[0]).Error);
        client.Forget(Root, ulong.MaxValue);
        Assert.Equal(FileError.None, client.GetAttributes(Root).Error);
    }

    [Fact]
    public void BatchForget_OfSeveral_ForgetsEach()
    {
        var tree = new MemoryTree();
        tree.WriteFile("a", []);
        tree.WriteFile("b", []);
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        ulong a = client.Find("a");
        ulong b = client.Find("b");

        Send(3, new FuseForgetOne(a, 1), new FuseForgetOne(b, 1)); // one more than there are: none
        Assert.Equal(FileError.None, client.GetAttributes(a).Error);
        Send(2, new FuseForgetOne(a, 1), new FuseForgetOne(b, ulong.MaxValue));

        Assert.Equal(FileError.ESTALE, client.GetAttributes(a).Error);
        Assert.Equal(FileError.ESTALE, client.GetAttributes(b).Error);

        void Send(uint count, params FuseForgetOne[] ones)
        {
            byte[] rest = [.. FuseClient.Bytes(new FuseBatchForgetRequest(count, 0)), .. MemoryMarshal.AsBytes(ones.AsSpan())];
            Assert.Empty(client.Send(client.HighPriority, [.. FuseClient.Bytes(new FuseRequestHeader((uint)(40 + rest.Length), FuseOpcode.BatchForget, 1, 0, 0, 0, 0, 0)), .. rest], 0));
        }
    }

    [Fact]
    public void Handles_BeyondTheLimit_AreRefusedUntilReleased()
    {
        var tree = new MemoryTree();
        tree.WriteFile("f", []);
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root, new FileSystemOptions { MaxOpenFiles = 3 }));
        ulong file = client.Find("f");
        ulong first = client.Open(file).Answer.Handle;
        client.Open(file);
        client.OpenDirectory(Root);
        Assert.Equal(FileError.ENFILE, client.Open(file).Error);
        Assert.Equal(FileError.ENFILE, client.OpenDirectory(Root).Error);
        Assert.Equal(FileError.ENFILE, client.Create(Root, "new").Error);
        client.Release(first);
        Assert.NotEqual(first, client.Open(file).Answer.Handle);
        Assert.Equal(FileError.EBADF, client.Read(first, 0, 1).Error);
    }

    [Fact]
    public void Room_OfGigabytes_CostsNoMoreThanTheLimit()
    {
        var tree = new MemoryTree();
        tree.WriteFile("f", new byte[8 << 20]);
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root, new FileSystemOptions { MaxTransfer = 1 << 16 }));
        ulong handle = client.Open(client.Find("f")).Answer.Handle;
        byte[] read = [.. FuseClient.Bytes(new FuseRequestHeader(80, FuseOpcode.Read, 9, 1, 0, 0, 0, 0)), .. FuseClient.Bytes(new FuseTransferRequest(handle, 0, uint.MaxValue, 0, 0, 0, 0))];
        var large = new HvSdk.Testing.DriverBuffer(0x20_0000, 8 << 20, IsWritable: true);

        client.Requests.Add([client.Bench.Readable(read), .. Enumerable.Repeat(large, 600)]);
        client.Bench.Work();

        Assert.Equal((1U << 16) + FuseAnswerHeader.Size, client.Requests.TakeUsed().Written);
    }

    [Fact]
    public void Requests_AtRandom_BreakNothing()
    {
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 3_000_000 : 30_000;
        var random = new Random(11);
        var tree = new MemoryTree(new MemoryTreeOptions { MaxBytes = 1 << 20, MaxNames = 200 });
        var device = new FileSystemDevice("x", tree.Root, new FileSystemOptions { MaxNodes = 100, MaxOpenFiles = 30, MaxTransfer = 1 << 14 });
        using var client = new FuseClient(device);
        for (int round = 0; round < rounds; round++)
        {
            if (round % 1000 == 0)
            {
                client.Mount();
            }

            FuseNoise.Send(client, random);
            Assert.False(client.Bench.Driver.NeedsReset);
        }

        Assert.Null(device.Counters.LastFailure);
        Assert.Equal(FileError.None, client.Mount().Error);

        // Directories may lie in one another deeper than the device keeps nodes; another one over the same tree can follow them.
        using var other = new FuseClient(new FileSystemDevice("x", tree.Root));
        Empty(other, Root);
        client.Mount();
        Assert.Equal(0, tree.UsedBytes);
    }

    private static void Empty(FuseClient client, ulong directory)
    {
        foreach ((string name, _, NodeKind kind) in client.List(directory).Skip(2))
        {
            if (kind == NodeKind.Directory)
            {
                (FileError error, FuseEntry entry) = client.Lookup(directory, name);
                Assert.Equal(FileError.None, error);
                Empty(client, entry.NodeId);
                client.Forget(entry.NodeId, 1);
                Assert.Equal(FileError.None, client.RemoveDirectory(directory, name));
            }
            else
            {
                Assert.Equal(FileError.None, client.Unlink(directory, name));
            }
        }
    }
}
