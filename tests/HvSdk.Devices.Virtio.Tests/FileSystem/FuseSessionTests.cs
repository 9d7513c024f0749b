using System.Runtime.InteropServices;
using System.Text;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>The device's face (virtio 1.2, 5.11), mounting and unmounting, and what the guest's kernel does without.</summary>
public sealed class FuseSessionTests
{
    [Fact]
    public void Configuration_Read_HasTagAndQueues()
    {
        using var client = new FuseClient(new FileSystemDevice("shäre", new MemoryTree().Root, new FileSystemOptions { RequestQueues = 3 }));

        byte[] tag = [.. Enumerable.Range(0, 36).Select(i => (byte)client.Bench.Driver.ReadConfiguration(i, 1))];

        Assert.Equal("shäre", Encoding.UTF8.GetString(tag).TrimEnd('\0'));
        Assert.Equal(3UL, client.Bench.Driver.ReadConfiguration(36, 4));
        Assert.Equal(0UL, client.Bench.Driver.ReadConfiguration(40, 4));
        Assert.Equal(4, client.Bench.Driver.Queues.Count);
        Assert.Equal(26U, client.Bench.Driver.ReadRegister(8));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    [InlineData("0123456789012345678901234567890123456")]
    public void Tag_ThatIsNone_Throws(string tag) => Assert.Contains("36 bytes", Assert.Throws<ArgumentException>(() => new FileSystemDevice(tag, new MemoryTree().Root)).Message, StringComparison.Ordinal);

    [Fact]
    public void Options_OutOfRange_NameTheRemedy()
    {
        Refuses(new FileSystemOptions { RequestQueues = 0 }, nameof(FileSystemOptions.RequestQueues));
        Refuses(new FileSystemOptions { QueueSize = 100 }, nameof(FileSystemOptions.QueueSize));
        Refuses(new FileSystemOptions { MaxTransfer = 5000 }, nameof(FileSystemOptions.MaxTransfer));
        Refuses(new FileSystemOptions { MaxNodes = 0 }, nameof(FileSystemOptions.MaxNodes));
        Refuses(new FileSystemOptions { MaxOpenFiles = -1 }, nameof(FileSystemOptions.MaxOpenFiles));
        Refuses(new FileSystemOptions { CacheTime = TimeSpan.FromDays(2) }, nameof(FileSystemOptions.CacheTime));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MemoryTree(new MemoryTreeOptions { MaxBytes = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MemoryTree(new MemoryTreeOptions { MaxNames = -1 }));

        static void Refuses(FileSystemOptions options, string name) =>
            Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => new FileSystemDevice("x", new MemoryTree().Root, options)).ParamName);
    }

    [Fact]
    public void Init_OfLinux_AgreesOnWhatBothKnow()
    {
        using var client = new FuseClient(new FileSystemDevice("x", new MemoryTree().Root, new FileSystemOptions { MaxTransfer = 1 << 18 }), mounts: false);

        (FileError error, FuseInitAnswer answer) = client.Mount(7, 41, (uint)(FuseInitFlags.AsyncRead | FuseInitFlags.MaxPages) | 0x8000_0000);

        Assert.Equal(FileError.None, error);
        Assert.Equal((7U, 31U), (answer.Major, answer.Minor));
        Assert.Equal(FuseInitFlags.AsyncRead | FuseInitFlags.MaxPages, answer.Flags);
        Assert.Equal(1U << 18, answer.MaxWrite);
        Assert.Equal(64, answer.MaxPages);
    }

    [Theory]
    [InlineData(6U, 31U)]
    [InlineData(7U, 30U)]
    public void Init_OfAnOldKernel_IsRefused(uint major, uint minor)
    {
        using var client = new FuseClient(NewDevice(), mounts: false);
        Assert.Equal(FileError.EPROTO, client.Mount(major, minor).Error);
        Assert.Equal(FileError.EIO, client.GetAttributes(FuseClient.Root).Error);
    }

    [Fact]
    public void Init_OfALaterMajor_GetsOurs()
    {
        using var client = new FuseClient(NewDevice(), mounts: false);
        Assert.Equal(7U, client.Mount(8, 0).Answer.Major);
        Assert.Equal(FileError.EIO, client.GetAttributes(FuseClient.Root).Error);
        Assert.Equal(FileError.None, client.Mount().Error);
        Assert.Equal(FileError.None, client.GetAttributes(FuseClient.Root).Error);
    }

    [Fact]
    public void Destroy_WithOpenFiles_EndsThem()
    {
        var tree = new MemoryTree();
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        FuseCreateAnswer created = client.Create(FuseClient.Root, "f").Answer;
        client.Write(created.Open.Handle, 0, new byte[1000]);
        client.Unlink(FuseClient.Root, "f");
        Assert.NotEqual(0, tree.UsedBytes);

        Assert.Equal(FileError.None, client.Call(FuseOpcode.Destroy, 0).Error);

        Assert.Equal(0, tree.UsedBytes);
        Assert.Equal(FileError.EIO, client.GetAttributes(FuseClient.Root).Error);
        client.Mount();
        Assert.Equal(FileError.EBADF, client.Read(created.Open.Handle, 0, 1).Error);
        Assert.Equal(FileError.ESTALE, client.GetAttributes(created.Entry.NodeId).Error);
    }

    [Fact]
    public void Reset_WithOpenFiles_EndsThem()
    {
        var tree = new MemoryTree();
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        client.Write(client.Create(FuseClient.Root, "f").Answer.Open.Handle, 0, new byte[1000]);
        client.Unlink(FuseClient.Root, "f");

        client.Bench.Driver.Start(0);

        Assert.Equal(0, tree.UsedBytes);
        Assert.Equal(FileError.EIO, client.GetAttributes(FuseClient.Root).Error);
        Assert.Equal(FileError.None, client.Mount().Error);
    }

    [Fact]
    public void Requests_ThatKernelsDoWithout_AreNotImplemented()
    {
        using var client = new FuseClient(NewDevice());
        FuseOpcode[] opcodes =
        [
            FuseOpcode.SetExtendedAttribute, FuseOpcode.GetExtendedAttribute, FuseOpcode.ListExtendedAttributes, FuseOpcode.RemoveExtendedAttribute, FuseOpcode.GetLock,
            FuseOpcode.SetLock, FuseOpcode.SetLockWait, FuseOpcode.Access, FuseOpcode.Interrupt, FuseOpcode.BlockMap, FuseOpcode.Control, FuseOpcode.Poll, FuseOpcode.NotifyReply,
            FuseOpcode.CopyFileRange, FuseOpcode.SetUpMapping, FuseOpcode.RemoveMapping, FuseOpcode.TemporaryFile, (FuseOpcode)7, (FuseOpcode)0, (FuseOpcode)4096, (FuseOpcode)uint.MaxValue,
        ];
        Assert.All(opcodes, opcode => Assert.Equal(FileError.ENOSYS, client.Call(opcode, FuseClient.Root, new byte[56]).Error));
    }

    [Fact]
    public void Statistics_OfATree_AreItsLimits()
    {
        var tree = new MemoryTree(new MemoryTreeOptions { MaxBytes = 1 << 20, MaxNames = 10 });
        tree.WriteFile("f", new byte[1 << 15]);
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));

        FuseStatisticsAnswer answer = client.Call<FuseStatisticsAnswer>(FuseOpcode.Statistics, FuseClient.Root).Answer;

        Assert.Equal((256UL, 248UL, 248UL), (answer.Blocks, answer.FreeBlocks, answer.AvailableBlocks));
        Assert.Equal((11UL, 9UL), (answer.Nodes, answer.FreeNodes));
        Assert.Equal((4096U, 255U), (answer.BlockSize, answer.NameLength));
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Request_InBuffersOfAnySize_IsTheSame(ulong features)
    {
        var tree = new MemoryTree();
        tree.WriteFile("name", [1]);
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root, new FileSystemOptions { QueueSize = 256 }), features);
        byte[] request = [.. FuseClient.Bytes(new FuseRequestHeader(45, FuseOpcode.Lookup, 9, 1, 0, 0, 0, 0)), .. "name\0"u8];
        foreach (int piece in (int[])[1, 3, 7, 16, 39, 41, 1000])
        {
            byte[] answer = client.Send(client.Requests, request, 144, piece);
            Assert.Equal(144, answer.Length);
            Assert.Equal(0x81A4U, MemoryMarshal.Read<FuseEntry>(answer.AsSpan(16)).Attributes.Mode);
        }
    }

    [Fact]
    public void Requests_OnARealWorker_AreAnswered()
    {
        using var bench = new VirtioBench(new VirtioMmio(NewDevice()));
        bench.Driver.Start();
        byte[] answer = bench.Driver.Queues[1].Exchange(
            [.. FuseClient.Bytes(new FuseRequestHeader(56, FuseOpcode.Init, 1, 0, 0, 0, 0, 0)), .. FuseClient.Bytes(new FuseInitRequest(7, 31, 0, FuseInitFlags.None))], 80);
        Assert.Equal(80, answer.Length);
    }

    [Fact]
    public void Requests_InSteadyState_DoNotAllocate()
    {
        var tree = new MemoryTree();
        tree.WriteFile("f", new byte[1 << 16]);
        using var client = new FuseClient(new FileSystemDevice("x", tree.Root));
        ulong handle = client.Open(client.Find("f"), 2).Answer.Handle;
        VirtqueueDriver queue = client.Requests;
        Bench bench = client.Bench;
        byte[] lookup = [.. FuseClient.Bytes(new FuseRequestHeader(42, FuseOpcode.Lookup, 9, 1, 0, 0, 0, 0)), .. "f\0"u8];
        byte[] read = [.. FuseClient.Bytes(new FuseRequestHeader(80, FuseOpcode.Read, 9, 1, 0, 0, 0, 0)), .. FuseClient.Bytes(new FuseTransferRequest(handle, 0, 4096, 0, 0, 0, 0))];
        byte[] write = [.. FuseClient.Bytes(new FuseRequestHeader(80 + 4096, FuseOpcode.Write, 9, 1, 0, 0, 0, 0)), .. FuseClient.Bytes(new FuseTransferRequest(handle, 0, 4096, 0, 0, 0, 0)), .. new byte[4096]];
        DriverBuffer room = bench.Writable(8192);
        DriverBuffer[] requests = [bench.Readable(lookup), bench.Readable(read), bench.Readable(write)];
        Round(100);

        // The least of several (Allocations tells why).
        Assert.Equal(0, Enumerable.Range(0, 5).Min(_ => Round(1000)));

        // What the device allocates, not what the driver's side does.
        long Round(int count)
        {
            long allocated = 0;
            for (int i = 0; i < count; i++)
            {
                foreach (DriverBuffer request in requests)
                {
                    queue.Add(request, room);
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    bench.Work();
                    allocated += GC.GetAllocatedBytesForCurrentThread() - before;
                    queue.TryTakeUsed(out _);
                }
            }

            return allocated;
        }
    }

    private static FileSystemDevice NewDevice() => new("x", new MemoryTree().Root);
}
