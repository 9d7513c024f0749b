using System.Text;

namespace HvSdk.Devices.Virtio;

/// <summary>Files and directories in the memory of this process, for guests to read and write through a <see cref="FileSystemDevice"/>, and for the host too. Any thread may call.</summary>
/// <remarks>
/// Paths of the members here are of names with '/' between, from the root on: "output/result.txt". They follow no symbolic links, which are the guest's. Several
/// devices may share a tree. What a guest makes counts against the limits of <see cref="MemoryTreeOptions"/>: it gets ENOSPC.
/// </remarks>
public sealed class MemoryTree
{
    private const uint DirectoryPermissions = 0b111_101_101;
    private const uint FilePermissions = 0b110_100_100;

    private readonly MemoryTreeOptions _options;
    private readonly MemoryNode _root;
    private ulong _lastInode;
    private long _usedBytes;

    /// <summary>Makes an empty one, with a root of user 0.</summary>
    /// <param name="options">Choices; null: the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public MemoryTree(MemoryTreeOptions? options = null)
    {
        _options = options ?? new MemoryTreeOptions();
        _options.Validate();
        _root = NewNode(new NewNode(NodeKind.Directory, DirectoryPermissions, 0, 0));
        _root.Names = 1; // it is never removed
    }

    /// <summary>The root, for a device.</summary>
    public SharedNode Root => _root;

    /// <summary>Bytes of content that the tree holds, counted in blocks.</summary>
    public long UsedBytes => Interlocked.Read(ref _usedBytes);

    internal object Gate { get; } = new();

    internal bool IsReadOnly => _options.IsReadOnly && !IsHostAtWork;

    internal long MaxBytes => _options.MaxBytes;

    internal int MaxNames => _options.MaxNames;

    internal int NameCount { get; set; }

    internal DateTimeOffset Now => _options.TimeProvider.GetUtcNow();

    internal TreeStatistics Statistics
    {
        get
        {
            const int BlockSize = 4096;
            lock (Gate)
            {
                return new TreeStatistics(BlockSize, (ulong)MaxBytes / BlockSize, (ulong)(MaxBytes - _usedBytes) / BlockSize, (ulong)MaxNames + 1, (ulong)(MaxNames - NameCount));
            }
        }
    }

    // Under the gate, for as long as the host holds it.
    private bool IsHostAtWork { get; set; }

    /// <summary>Writes a file, new or anew, and the directories on its way. They belong to user 0; others may read.</summary>
    /// <param name="path">Where.</param>
    /// <param name="content">Its content.</param>
    /// <exception cref="ArgumentException">The path is none, or leads through a file or to a directory.</exception>
    /// <exception cref="IOException">The tree is full.</exception>
    public void WriteFile(string path, ReadOnlySpan<byte> content)
    {
        byte[][] names = Split(path);
        lock (Gate)
        {
            IsHostAtWork = true;
            try
            {
                MemoryNode node = FindOrAdd(path, names, NodeKind.File);
                Demand(path, node.Kind == NodeKind.File ? node.Resize(content.Length) : FileError.EISDIR);
                node.Content.Write(0, content);
            }
            finally
            {
                IsHostAtWork = false;
            }
        }
    }

    /// <summary>Makes a directory, and those on its way, where they do not exist.</summary>
    /// <param name="path">Where.</param>
    /// <param name="permissions">Permission bits of a new one, 0 to 07777. Give 0777 where users of the guest other than root shall write.</param>
    /// <exception cref="ArgumentException">The path is none, or leads through or to a file.</exception>
    /// <exception cref="IOException">The tree is full.</exception>
    public void CreateDirectory(string path, uint permissions = DirectoryPermissions)
    {
        byte[][] names = Split(path);
        lock (Gate)
        {
            IsHostAtWork = true;
            try
            {
                MemoryNode node = FindOrAdd(path, names, NodeKind.Directory, permissions & NodeMode.PermissionMask);
                Demand(path, node.Directory is null ? FileError.ENOTDIR : FileError.None);
            }
            finally
            {
                IsHostAtWork = false;
            }
        }
    }

    /// <summary>The content of a file as it is now, or null: there is no file of this path.</summary>
    /// <param name="path">Where.</param>
    /// <exception cref="ArgumentException">The path is none.</exception>
    public byte[]? ReadFile(string path)
    {
        byte[][] names = Split(path);
        lock (Gate)
        {
            if (Find(names) is not { Kind: NodeKind.File } node)
            {
                return null;
            }

            byte[] content = new byte[node.Content.Size];
            node.Content.Read(0, content);
            return content;
        }
    }

    /// <summary>The names in a directory, in the order of their making, or null: there is no directory of this path.</summary>
    /// <param name="path">Where; empty for the root.</param>
    /// <exception cref="ArgumentException">The path is none.</exception>
    public IReadOnlyList<string>? List(string path = "")
    {
        byte[][] names = path is "" ? [] : Split(path);
        lock (Gate)
        {
            return Find(names)?.Directory?.Entries.Select(static entry => Encoding.UTF8.GetString(entry.Name)).ToArray();
        }
    }

    /// <summary>Takes a file, an empty directory or another node out.</summary>
    /// <param name="path">Where.</param>
    /// <returns>False: there is none, or it is a directory that is not empty.</returns>
    /// <exception cref="ArgumentException">The path is none.</exception>
    public bool Delete(string path)
    {
        byte[][] names = Split(path);
        lock (Gate)
        {
            if (Find(names.AsSpan(..^1)) is not { Directory: { } directory } parent || directory.Find(names[^1]) is not { } node)
            {
                return false;
            }

            IsHostAtWork = true;
            try
            {
                return (node.Directory is null ? parent.Unlink(names[^1]) : parent.RemoveDirectory(names[^1])) == FileError.None;
            }
            finally
            {
                IsHostAtWork = false;
            }
        }
    }

    internal MemoryNode NewNode(in NewNode created) => new(this, created, ++_lastInode);

    /// <summary>Takes bytes from the budget, or gives them back.</summary>
    internal bool TryPay(long bytes)
    {
        if (_usedBytes + bytes > MaxBytes && bytes > 0)
        {
            return false;
        }

        _usedBytes += bytes;
        return true;
    }

    private static byte[][] Split(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        byte[][] names = [.. path.Split('/').Select(Encoding.UTF8.GetBytes)];
        return names.All(static name => FuseName.Check(name) == FileError.None)
            ? names
            : throw new ArgumentException($"'{path}' is no path. Give names of 1 to {FuseName.MaxLength} bytes with '/' between, not at the start or the end, and neither \".\" nor \"..\".", nameof(path));
    }

    private static void Demand(string path, FileError error)
    {
        switch (error)
        {
            case FileError.None:
                return;
            case FileError.ENOTDIR or FileError.EISDIR:
                throw new ArgumentException($"'{path}' leads through or to a node of another kind ({error}). Delete that first, or take another name.", nameof(path));
            default:
                throw new IOException($"'{path}' cannot be written ({error}). Give the tree more {nameof(MemoryTreeOptions.MaxBytes)} or {nameof(MemoryTreeOptions.MaxNames)}.");
        }
    }

    private MemoryNode? Find(ReadOnlySpan<byte[]> names)
    {
        MemoryNode? node = _root;
        foreach (byte[] name in names)
        {
            node = node?.Directory?.Find(name);
        }

        return node;
    }

    private MemoryNode FindOrAdd(string path, byte[][] names, NodeKind kind, uint permissions = FilePermissions)
    {
        MemoryNode node = _root;
        for (int i = 0; i < names.Length; i++)
        {
            if (node.Directory?.Find(names[i]) is { } known)
            {
                node = known;
                continue;
            }

            bool isLast = i == names.Length - 1;
            Demand(path, node.Create(names[i], new NewNode(isLast ? kind : NodeKind.Directory, isLast ? permissions : DirectoryPermissions, 0, 0), out SharedNode? made));
            node = (MemoryNode)made!;
        }

        return node;
    }
}
