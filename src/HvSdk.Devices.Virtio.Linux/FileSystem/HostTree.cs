using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>What the nodes of a <see cref="HostDirectory"/> share: who is known, and how much a guest may take.</summary>
internal sealed class HostTree : IDisposable
{
    private const int MostDefaultHandles = 1 << 17;
    private const long CostOfName = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<NodeIdentity, HostNode> _known = [];
    private readonly int _maxHandles;
    private readonly long _maxWrittenBytes;
    private int _handles;
    private long _writtenBytes;

    public HostTree(SafeFd root, SafeFd descriptors, HostDirectoryOptions options)
    {
        Options = options;
        Descriptors = descriptors;
        MaxFileSize = long.Min(options.MaxFileSize ?? long.MaxValue, HostTreeOpening.LargestFile());
        _maxHandles = options.MaxHandles ?? HostTreeOpening.DefaultHandles(MostDefaultHandles);
        _maxWrittenBytes = options.MaxWrittenBytes ?? long.MaxValue;
        FileError error = FileCalls.Status(root, out statx status);
        if (error != FileError.None)
        {
            root.Dispose();
            descriptors.Dispose();
            throw new IOException($"The directory's attributes cannot be read: {error}.");
        }

        Root = new HostNode(this, root, status);
        _known.Add(Root.Identity, Root);
    }

    public HostNode Root { get; }

    public HostDirectoryOptions Options { get; }

    /// <summary>/proc/self/fd: how a node that is held is opened.</summary>
    public SafeFd Descriptors { get; }

    /// <summary>Directories that are being listed.</summary>
    public HostListings Listings { get; } = new();

    public long MaxFileSize { get; }

    public int Handles => Volatile.Read(ref _handles);

    public long WrittenBytes => Interlocked.Read(ref _writtenBytes);

    public bool IsReadOnly => !Options.IsWritable;

    /// <summary>The permission bits that pass between host and guest.</summary>
    public uint Permissions(uint mode) => mode & (Options.AllowsSetIdBits ? 0xFFFU : 0xFFFU & ~(LibC.S_ISUID | LibC.S_ISGID));

    /// <summary>Takes so many descriptors from the guest's share.</summary>
    public bool TryReserve(int count)
    {
        if (Interlocked.Add(ref _handles, count) <= _maxHandles)
        {
            return true;
        }

        Release(count);
        return false;
    }

    public void Release(int count) => Interlocked.Add(ref _handles, -count);

    /// <summary>Takes bytes from what guests may write.</summary>
    public bool TryCharge(long bytes)
    {
        long before = Interlocked.Read(ref _writtenBytes);
        while (bytes <= _maxWrittenBytes - before)
        {
            long seen = Interlocked.CompareExchange(ref _writtenBytes, before + bytes, before);
            if (seen == before)
            {
                return true;
            }

            before = seen;
        }

        return false;
    }

    public bool TryChargeName() => TryCharge(CostOfName);

    /// <summary>Gives back what was not written after all.</summary>
    public void Refund(long bytes) => Interlocked.Add(ref _writtenBytes, -bytes);

    /// <summary>The node of a name: the one that is known, or a new one.</summary>
    public FileError Find(SafeFd directory, ReadOnlySpan<byte> name, out SharedNode? node)
    {
        node = null;
        FileError error = FileCalls.Status(directory, name, out statx status);
        if (error != FileError.None)
        {
            return error;
        }

        // A node that is known is held, so its number cannot have become another's.
        lock (_gate)
        {
            if (_known.TryGetValue(NodeIdentity.Of(status), out HostNode? known))
            {
                node = known;
                return FileError.None;
            }
        }

        if (!TryReserve(1))
        {
            return FileError.ENFILE;
        }

        error = Opening.Beneath(directory, name, Opening.Handle, 0, Options.AllowsMounts, out SafeFd? fd);
        if (error != FileError.None)
        {
            Release(1);
            return error;
        }

        return Add(fd!, out node);
    }

    /// <summary>The node that a descriptor holds, of those that were reserved; the descriptor is the tree's from now on.</summary>
    public FileError Add(SafeFd fd, out SharedNode? node)
    {
        node = null;
        FileError error = FileCalls.Status(fd, out statx status);
        if (error == FileError.None)
        {
            lock (_gate)
            {
                if (!_known.TryGetValue(NodeIdentity.Of(status), out HostNode? known))
                {
                    known = new HostNode(this, fd, status);
                    _known.Add(known.Identity, known);
                    node = known;
                    return FileError.None;
                }

                node = known;
            }
        }

        fd.Dispose();
        Release(1);
        return error;
    }

    /// <summary>A node is known no more.</summary>
    public void Remove(HostNode node)
    {
        lock (_gate)
        {
            if (_known.TryGetValue(node.Identity, out HostNode? known) && ReferenceEquals(known, node))
            {
                _known.Remove(node.Identity);
            }
        }

        Listings.Close(node);
        Release(1);
    }

    public void Dispose()
    {
        HostNode[] nodes;
        lock (_gate)
        {
            nodes = [.. _known.Values];
            _known.Clear();
        }

        foreach (HostNode node in nodes)
        {
            node.Close();
        }

        Listings.Close(null);
        Descriptors.Dispose();
    }
}
