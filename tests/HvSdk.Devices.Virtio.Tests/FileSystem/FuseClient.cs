using System.Runtime.InteropServices;
using System.Text;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>Plays the guest's kernel: mounts the device's tree and sends requests, each answered before the next.</summary>
internal sealed class FuseClient : IDisposable
{
    public const ulong Root = 1;
    public const uint UserId = 1000;
    public const uint GroupId = 100;

    private readonly ulong _mark;
    private ulong _unique;

    public FuseClient(FileSystemDevice device, ulong features = 0, bool mounts = true)
    {
        Bench = new Bench(device);
        Bench.Driver.Start(features);
        _mark = Bench.Arena.Mark;
        if (mounts)
        {
            Assert.Equal(FileError.None, Mount().Error);
        }
    }

    public Bench Bench { get; }

    public VirtqueueDriver HighPriority => Bench.Driver.Queues[0];

    public VirtqueueDriver Requests => Bench.Driver.Queues[1];

    public static byte[] Bytes<T>(T value)
        where T : unmanaged
        => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();

    /// <summary>A name by its bytes, one for each character: names need not be UTF-8.</summary>
    public static byte[] Name(string name) => [.. Encoding.Latin1.GetBytes(name), 0];

    public (FileError Error, FuseInitAnswer Answer) Mount(uint major = 7, uint minor = 31, uint flags = uint.MaxValue)
    {
        (FileError error, byte[] data) = Call(FuseOpcode.Init, 0, [.. Bytes(new FuseInitRequest(major, minor, 0x20000, (FuseInitFlags)flags)), .. new byte[48]]);
        return (error, error == FileError.None ? MemoryMarshal.Read<FuseInitAnswer>(data) : default);
    }

    /// <summary>One request.</summary>
    /// <returns>The error, and what comes behind the answer's header.</returns>
    public (FileError Error, byte[] Data) Call(FuseOpcode opcode, ulong node, ReadOnlySpan<byte> arguments = default, int room = 4096, int piece = int.MaxValue)
    {
        var header = new FuseRequestHeader((uint)(FuseRequestHeader.Size + arguments.Length), opcode, ++_unique, node, UserId, GroupId, 77, 0);
        byte[] answer = Send(Requests, [.. Bytes(header), .. arguments], FuseAnswerHeader.Size + room, piece);
        FuseAnswerHeader answered = MemoryMarshal.Read<FuseAnswerHeader>(answer);
        Assert.Equal(answer.Length, (int)answered.Length);
        Assert.Equal(_unique, answered.Unique);
        Assert.InRange(answered.Error, -4095, 0);
        Assert.True(answered.Error == 0 || answer.Length == FuseAnswerHeader.Size, "An error comes with data.");
        return ((FileError)(-answered.Error), answer[FuseAnswerHeader.Size..]);
    }

    /// <summary>One request whose answer is a structure.</summary>
    public (FileError Error, T Answer) Call<T>(FuseOpcode opcode, ulong node, ReadOnlySpan<byte> arguments = default, int piece = int.MaxValue)
        where T : unmanaged
    {
        (FileError error, byte[] data) = Call(opcode, node, arguments, piece: piece);
        Assert.Equal(error == FileError.None ? Bytes(default(T)).Length : 0, data.Length);
        return (error, error == FileError.None ? MemoryMarshal.Read<T>(data) : default);
    }

    /// <summary>Sends bytes, in buffers that a test may cut as it likes, and takes what comes back.</summary>
    public byte[] Send(VirtqueueDriver queue, ReadOnlySpan<byte> request, int room, int piece = int.MaxValue)
    {
        Bench.Arena.Clear(_mark);
        List<DriverBuffer> buffers = [];
        for (int i = 0; i < request.Length; i += int.Min(piece, request.Length - i))
        {
            buffers.Add(Bench.Readable(request.Slice(i, int.Min(piece, request.Length - i))));
        }

        int readable = buffers.Count;
        for (int i = 0; i < room; i += int.Min(piece, room - i))
        {
            buffers.Add(Bench.Writable((uint)int.Min(piece, room - i)));
        }

        queue.Add(buffers.ToArray());
        Bench.Work();
        Assert.True(queue.TryTakeUsed(out UsedBuffer used), Bench.Driver.NeedsReset ? "The device is broken." : "There is no answer.");
        byte[] bytes = new byte[used.Written];
        int done = 0;
        foreach (DriverBuffer buffer in buffers.Skip(readable))
        {
            int part = int.Min((int)buffer.Length, bytes.Length - done);
            Bench.Memory.Read(buffer.Address, bytes.AsSpan(done, part));
            done += part;
        }

        return bytes;
    }

    public (FileError Error, FuseEntry Answer) Lookup(ulong directory, string name) => Call<FuseEntry>(FuseOpcode.Lookup, directory, Name(name));

    public ulong Find(string path)
    {
        ulong node = Root;
        foreach (string name in path.Split('/'))
        {
            (FileError error, FuseEntry entry) = Lookup(node, name);
            Assert.Equal(FileError.None, error);
            node = entry.NodeId;
        }

        return node;
    }

    public (FileError Error, FuseEntry Answer) MakeDirectory(ulong directory, string name, uint mode = 0x1ED) =>
        Call<FuseEntry>(FuseOpcode.MakeDirectory, directory, [.. Bytes(new FuseMakeDirectoryRequest(mode, 0)), .. Name(name)]);

    public (FileError Error, FuseCreateAnswer Answer) Create(ulong directory, string name, uint flags = 2, uint mode = 0x1A4) =>
        Call<FuseCreateAnswer>(FuseOpcode.Create, directory, [.. Bytes(new FuseCreateRequest(flags, 0x8000 | mode, 0, 0)), .. Name(name)]);

    public (FileError Error, FuseEntry Answer) SymbolicLink(ulong directory, string name, string target) =>
        Call<FuseEntry>(FuseOpcode.SymbolicLink, directory, [.. Name(name), .. Name(target)]);

    public (FileError Error, FuseEntry Answer) Link(ulong directory, string name, ulong node) =>
        Call<FuseEntry>(FuseOpcode.Link, directory, [.. Bytes(new FuseLinkRequest(node)), .. Name(name)]);

    public FileError Unlink(ulong directory, string name) => Call(FuseOpcode.Unlink, directory, Name(name)).Error;

    public FileError RemoveDirectory(ulong directory, string name) => Call(FuseOpcode.RemoveDirectory, directory, Name(name)).Error;

    public FileError Rename(ulong directory, string name, ulong newParent, string newName, RenameModes modes = RenameModes.None) =>
        Call(FuseOpcode.Rename2, directory, [.. Bytes(new FuseRename2Request(newParent, modes, 0)), .. Name(name), .. Name(newName)]).Error;

    public (FileError Error, FuseAttributesAnswer Answer) GetAttributes(ulong node) =>
        Call<FuseAttributesAnswer>(FuseOpcode.GetAttributes, node, Bytes(default(FuseGetAttributesRequest)));

    public (FileError Error, FuseAttributesAnswer Answer) SetAttributes(ulong node, FuseSetAttributesRequest request) =>
        Call<FuseAttributesAnswer>(FuseOpcode.SetAttributes, node, Bytes(request));

    public (FileError Error, FuseOpenAnswer Answer) Open(ulong node, uint flags = 0) => Call<FuseOpenAnswer>(FuseOpcode.Open, node, Bytes(new FuseOpenRequest(flags, 0)));

    public (FileError Error, FuseOpenAnswer Answer) OpenDirectory(ulong node) => Call<FuseOpenAnswer>(FuseOpcode.OpenDirectory, node, Bytes(default(FuseOpenRequest)));

    public (FileError Error, byte[] Data) Read(ulong handle, ulong offset, int size, int piece = int.MaxValue) =>
        Call(FuseOpcode.Read, Root, Bytes(new FuseTransferRequest(handle, offset, (uint)size, 0, 0, 0, 0)), size, piece);

    public (FileError Error, FuseWriteAnswer Answer) Write(ulong handle, ulong offset, ReadOnlySpan<byte> data, int piece = int.MaxValue) =>
        Call<FuseWriteAnswer>(FuseOpcode.Write, Root, [.. Bytes(new FuseTransferRequest(handle, offset, (uint)data.Length, 0, 0, 0, 0)), .. data], piece);

    public FileError Release(ulong handle) => Call(FuseOpcode.Release, Root, Bytes(new FuseReleaseRequest(handle, 0, 0, 0))).Error;

    public void Forget(ulong node, ulong count)
    {
        var header = new FuseRequestHeader(FuseRequestHeader.Size + 8, FuseOpcode.Forget, ++_unique, node, 0, 0, 0, 0);
        Assert.Empty(Send(HighPriority, [.. Bytes(header), .. Bytes(count)], 0));
    }

    /// <summary>Lists a directory by requests of a size.</summary>
    public List<(string Name, ulong Node, NodeKind Kind)> List(ulong node, bool hasEntries = false, int size = 4096)
    {
        (FileError opened, FuseOpenAnswer open) = OpenDirectory(node);
        Assert.Equal(FileError.None, opened);
        ulong handle = open.Handle;
        List<(string, ulong, NodeKind)> names = [];
        ulong position = 0;
        while (true)
        {
            FuseOpcode opcode = hasEntries ? FuseOpcode.ReadDirectoryPlus : FuseOpcode.ReadDirectory;
            (FileError error, byte[] data) = Call(opcode, node, Bytes(new FuseTransferRequest(handle, position, (uint)size, 0, 0, 0, 0)), size);
            Assert.Equal(FileError.None, error);
            if (data.Length == 0)
            {
                Assert.Equal(FileError.None, Call(FuseOpcode.ReleaseDirectory, node, Bytes(new FuseReleaseRequest(handle, 0, 0, 0))).Error);
                return names;
            }

            for (int at = 0; at < data.Length;)
            {
                FuseEntry entry = hasEntries ? MemoryMarshal.Read<FuseEntry>(data.AsSpan(at)) : default;
                at += hasEntries ? FuseEntry.Size : 0;
                FuseDirectoryEntry record = MemoryMarshal.Read<FuseDirectoryEntry>(data.AsSpan(at));
                names.Add((Encoding.Latin1.GetString(data, at + FuseDirectoryEntry.Size, (int)record.NameLength), entry.NodeId, (NodeKind)record.Kind));
                Assert.True(record.Next > position, "The listing does not go on.");
                position = record.Next;
                at += (FuseDirectoryEntry.Size + (int)record.NameLength + 7) & ~7;
            }
        }
    }

    public void Dispose() => Bench.Dispose();
}
