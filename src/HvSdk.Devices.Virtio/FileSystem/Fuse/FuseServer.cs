namespace HvSdk.Devices.Virtio;

/// <summary>The server of the FUSE protocol, version 7.31 with Linux as its other side, over a tree of <see cref="SharedNode"/>. On the device's worker.</summary>
/// <remarks>
/// Facts are those of Linux's include/uapi/linux/fuse.h. Requests are answered in the call that brings them, one after the other, so there is nothing that
/// FUSE_INTERRUPT could reach. Locks, extended attributes, copies within the host, and mappings are answered with ENOSYS, after which the guest's kernel does without.
/// </remarks>
internal sealed partial class FuseServer
{
    /// <summary>MAX_ERRNO of Linux.</summary>
    public const int MaxError = 4095;

    /// <summary>Bytes of a directory's listing that one request gets at most.</summary>
    public const int MaxListing = 1 << 15;

    private const ulong RootId = 1; // FUSE_ROOT_ID
    private const uint Major = 7;
    private const uint Minor = 31;
    private const uint MinMinor = 31; // the first one that Linux mounts over virtio
    private const ushort MaxBackground = 64;
    private const ushort CongestionThreshold = 48;
    private const int PageSize = 4096;

    // The server can do these; the kernel says which of them it can.
    private const FuseInitFlags OfferedFlags = FuseInitFlags.AsyncRead | FuseInitFlags.BigWrites | FuseInitFlags.DropsChangedData | FuseInitFlags.ReadDirectoryPlus
        | FuseInitFlags.ReadDirectoryPlusAuto | FuseInitFlags.AsyncDirect | FuseInitFlags.ParallelDirectories | FuseInitFlags.MaxPages;

    private readonly SharedNode _root;
    private readonly FileSystemOptions _options;
    private readonly FuseMessage _message = new();
    private readonly DirectoryWriter _writer;
    private readonly (ulong Seconds, uint Nanoseconds) _cacheTime;
    private bool _hasSession;

    public FuseServer(SharedNode root, FileSystemOptions options)
    {
        _root = root;
        _options = options;
        _nodes = new BoundedTable<KnownNode>(options.MaxNodes);
        _handles = new BoundedTable<FuseHandle>(options.MaxOpenFiles);
        _writer = new DirectoryWriter(this);
        _cacheTime = FuseTime.From(options.CacheTime);
    }

    /// <summary>The machine's time.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    public FileSystemCounters Counters { get; } = new();

    /// <summary>Answers a request.</summary>
    /// <returns>Bytes of the answer; 0 where none is due, or there is no room for one.</returns>
    public long Handle(DescriptorChain chain)
    {
        if (!_message.TryBegin(chain))
        {
            Counters.CountMalformed();
            return 0;
        }

        Counters.CountRequest();
        bool isForget = _message.Header.Opcode is FuseOpcode.Forget or FuseOpcode.BatchForget;
        if (!isForget && chain.WritableLength < FuseAnswerHeader.Size)
        {
            Counters.CountMalformed();
            return 0;
        }

        FileError error;
        try
        {
            error = Dispatch();
        }
#pragma warning disable CA1031 // whatever a provider throws is one request's failure
        catch (Exception e)
#pragma warning restore CA1031
        {
            Counters.LastFailure = e;
            error = FileError.EIO;
        }

        return isForget ? 0 : _message.Finish(error);
    }

    /// <summary>The guest has unmounted, or the device was reset: nothing is known and nothing is open any more.</summary>
    public void EndSession()
    {
        _hasSession = false;
        _handles.Clear(handle => Guard(handle, static handle => handle.File?.Close()));
        _nodes.Clear(known => Guard(known, static known => known.Node.Forget()));
        _ids.Clear();
        _ids.TrimExcess();
    }

    private FileError Dispatch()
    {
        if (_message.Header.Length != _message.Chain.ReadableLength)
        {
            Counters.CountMalformed();
            return FileError.EINVAL;
        }

        if (_message.Header.Opcode == FuseOpcode.Init)
        {
            return Init();
        }

        if (!_hasSession)
        {
            return FileError.EIO; // a kernel waits for the answer to FUSE_INIT first
        }

        return _message.Header.Opcode switch
        {
            FuseOpcode.Lookup => Lookup(),
            FuseOpcode.Forget => Forget(),
            FuseOpcode.BatchForget => BatchForget(),
            FuseOpcode.GetAttributes => GetAttributes(),
            FuseOpcode.SetAttributes => SetAttributes(),
            FuseOpcode.ReadLink => ReadLink(),
            FuseOpcode.SymbolicLink => SymbolicLink(),
            FuseOpcode.MakeNode => MakeNode(),
            FuseOpcode.MakeDirectory => MakeDirectory(),
            FuseOpcode.Unlink => Unlink(),
            FuseOpcode.RemoveDirectory => RemoveDirectory(),
            FuseOpcode.Rename => Rename(),
            FuseOpcode.Rename2 => Rename2(),
            FuseOpcode.Link => Link(),
            FuseOpcode.Create => Create(),
            FuseOpcode.Statistics => Statistics(),
            FuseOpcode.SyncFileSystem => _root.Sync(isWholeTree: true),
            FuseOpcode.Destroy => Destroy(),
            _ => DispatchToHandle(),
        };
    }

    /// <summary>Requests about what is open.</summary>
    private FileError DispatchToHandle() => _message.Header.Opcode switch
    {
        FuseOpcode.Open => Open(),
        FuseOpcode.Read => Read(),
        FuseOpcode.Write => Write(),
        FuseOpcode.Release => Release(),
        FuseOpcode.Flush => Flush(),
        FuseOpcode.Sync => Sync(),
        FuseOpcode.Allocate => Allocate(),
        FuseOpcode.Seek => Seek(),
        FuseOpcode.OpenDirectory => OpenDirectory(),
        FuseOpcode.ReadDirectory => ReadDirectory(hasEntries: false),
        FuseOpcode.ReadDirectoryPlus => ReadDirectory(hasEntries: true),
        FuseOpcode.ReleaseDirectory => Release(),
        FuseOpcode.SyncDirectory => SyncDirectory(),
        _ => FileError.ENOSYS,
    };

    private FileError Init()
    {
        if (!_message.TryTake(out FuseInitRequest request))
        {
            return Malformed();
        }

        EndSession();
        if (request.Major < Major || (request.Major == Major && request.Minor < MinMinor))
        {
            return FileError.EPROTO;
        }

        if (request.Major > Major)
        {
            return _message.Answer(new FuseInitAnswer { Major = Major, Minor = Minor }); // the kernel asks again with our version
        }

        FileError error = _message.Answer(new FuseInitAnswer(
            Major,
            Minor,
            request.MaxReadAhead,
            request.Flags & OfferedFlags,
            MaxBackground,
            CongestionThreshold,
            (uint)_options.MaxTransfer,
            FuseTime.Granularity,
            (ushort)(_options.MaxTransfer / PageSize),
            MapAlignment: 0,
            Flags2: 0));
        if (error == FileError.None)
        {
            _hasSession = true;
            Know(_root, parent: 0, name: [], out _);
        }

        return error;
    }

    private FileError Destroy()
    {
        EndSession();
        return FileError.None;
    }

    private FileError Statistics()
    {
        FileError error = _root.GetStatistics(out TreeStatistics tree);
        return error != FileError.None
            ? error
            : _message.Answer(new FuseStatisticsAnswer(tree.Blocks, tree.FreeBlocks, tree.FreeBlocks, tree.Nodes, tree.FreeNodes, tree.BlockSize, FuseName.MaxLength, tree.BlockSize));
    }

    private FileError Malformed()
    {
        Counters.CountMalformed();
        return FileError.EINVAL;
    }

    private void Guard<T>(T subject, Action<T> action)
    {
        try
        {
            action(subject);
        }
#pragma warning disable CA1031 // whatever a provider throws, the others shall hear of their end too
        catch (Exception e)
#pragma warning restore CA1031
        {
            Counters.LastFailure = e;
        }
    }
}
