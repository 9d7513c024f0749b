using System.IO.Compression;
using System.Text;

namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>Trees that a user of the SDK writes: what one looks like, and what its mistakes do.</summary>
public sealed class UserTreeTests
{
    [Fact]
    public void Zip_Mounted_ShowsItsFiles()
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(archive, "readme.txt", "read me");
            Add(archive, "src/a/main.c", "int main;");
        }

        using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
        using var client = new FuseClient(new FileSystemDevice("zip", ZipNode.Open(zip)));

        Assert.Equal([".", "..", "readme.txt", "src"], client.List(FuseClient.Root).Select(static entry => entry.Name));
        ulong main = client.Find("src/a/main.c");
        Assert.Equal(9UL, client.GetAttributes(main).Answer.Attributes.Size);
        Assert.Equal("int main;", Encoding.UTF8.GetString(client.Read(client.Open(main).Answer.Handle, 0, 100).Data));
        Assert.Equal(FileError.EROFS, client.Create(FuseClient.Root, "new").Error);
        Assert.Equal(FileError.EROFS, client.Unlink(FuseClient.Root, "readme.txt"));
        Assert.Equal(FileError.EROFS, client.SetAttributes(main, default).Error);
        Assert.Equal(FileError.EINVAL, client.Call(FuseOpcode.ReadLink, main).Error);
    }

    [Fact]
    public void Tree_ThatThrows_IsTheGuestsInputOutputError()
    {
        var device = new FileSystemDevice("x", new FailingNode(() => throw new InvalidOperationException("the database is gone")));
        using var client = new FuseClient(device);

        Assert.Equal(FileError.EIO, client.GetAttributes(FuseClient.Root).Error);

        Assert.Equal("the database is gone", device.Counters.LastFailure!.Message);
        Assert.False(client.Bench.Driver.NeedsReset);
    }

    [Theory]
    [InlineData(-1, FileError.EIO)]
    [InlineData(5000, FileError.EIO)]
    [InlineData(121, (FileError)121)]
    public void Tree_ErrorsThatItGives_ReachTheGuestIfTheyAreSome(int error, FileError seen)
    {
        using var client = new FuseClient(new FileSystemDevice("x", new FailingNode(() => (FileError)error)));
        Assert.Equal(seen, client.GetAttributes(FuseClient.Root).Error);
    }

    [Fact]
    public void Nodes_ThatAreEqual_AreOneAndForgottenOnce()
    {
        var root = new NumberedNode(0, []);
        using var client = new FuseClient(new FileSystemDevice("x", root));

        Assert.Equal(client.Find("a"), client.Find("a"));
        Assert.Equal(["1"], root.Forgotten); // the second object, which nobody needed
        client.Forget(client.Find("a"), 3);
        Assert.Equal(["1", "1", "1"], root.Forgotten);
    }

    private static void Add(ZipArchive archive, string name, string content)
    {
        using Stream stream = archive.CreateEntry(name).Open();
        stream.Write(Encoding.UTF8.GetBytes(content));
    }

    /// <summary>A zip archive, read-only.</summary>
    private sealed class ZipNode(ZipArchiveEntry? entry) : SharedNode
    {
        private readonly SortedList<string, ZipNode> _children = new(StringComparer.Ordinal);

        public static ZipNode Open(ZipArchive archive)
        {
            var root = new ZipNode(null);
            foreach (ZipArchiveEntry entry in archive.Entries.Where(static entry => entry.Name.Length > 0))
            {
                string[] names = entry.FullName.Split('/');
                ZipNode directory = root;
                foreach (string name in names[..^1])
                {
                    directory._children.TryAdd(name, new ZipNode(null));
                    directory = directory._children[name];
                }

                directory._children[names[^1]] = new ZipNode(entry);
            }

            return root;
        }

        public override FileError GetAttributes(out NodeAttributes attributes)
        {
            attributes = entry is null ? NodeAttributes.ReadOnlyDirectory : NodeAttributes.ReadOnlyFile(entry.Length) with { ModifyTime = entry.LastWriteTime };
            return FileError.None;
        }

        public override FileError Lookup(ReadOnlySpan<byte> name, out SharedNode? node)
        {
            node = _children.GetValueOrDefault(Encoding.UTF8.GetString(name));
            return node is null ? FileError.ENOENT : FileError.None;
        }

        public override FileError Enumerate(ulong position, DirectoryWriter writer)
        {
            for (int i = (int)ulong.Min(position, (ulong)_children.Count); i < _children.Count; i++)
            {
                if (!writer.TryAdd(_children.GetKeyAtIndex(i), NodeKind.Unknown, (ulong)i + 1))
                {
                    break;
                }
            }

            return FileError.None;
        }

        public override FileError Open(OpenModes modes, out OpenFile? file)
        {
            using var content = new MemoryStream();
            using Stream? packed = entry?.Open();
            packed?.CopyTo(content);
            file = packed is null || modes != OpenModes.Read ? null : new ZipFile(content.ToArray());
            return packed is null ? FileError.EISDIR : file is null ? FileError.EROFS : FileError.None;
        }
    }

    private sealed class ZipFile(byte[] content) : OpenFile
    {
        public override FileError Read(long offset, Span<byte> destination, out int read)
        {
            read = (int)long.Clamp(content.Length - offset, 0, destination.Length);
            content.AsSpan((int)long.Min(offset, content.Length), read).CopyTo(destination);
            return FileError.None;
        }
    }

    private sealed class FailingNode(Func<FileError> fails) : SharedNode
    {
        public override FileError GetAttributes(out NodeAttributes attributes)
        {
            attributes = NodeAttributes.ReadOnlyDirectory;
            return fails();
        }
    }

    private sealed class NumberedNode(int number, List<string> forgotten) : SharedNode
    {
        public List<string> Forgotten => forgotten;

        public override FileError GetAttributes(out NodeAttributes attributes)
        {
            attributes = NodeAttributes.ReadOnlyDirectory;
            return FileError.None;
        }

        public override FileError Lookup(ReadOnlySpan<byte> name, out SharedNode? node)
        {
            node = new NumberedNode(number + 1, forgotten);
            return FileError.None;
        }

        public override void Forget() => forgotten.Add($"{number}");

        public override bool Equals(object? obj) => obj is NumberedNode other && other.Number == Number;

        public override int GetHashCode() => Number;

        private int Number => number;
    }
}
