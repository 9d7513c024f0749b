namespace HvSdk.Devices.Virtio;

/// <content>What is open: files and directories.</content>
internal sealed partial class FuseServer
{
    /// <summary>"." and "..", which the server lists itself.</summary>
    internal const int DotCount = 2;

    private readonly BoundedTable<FuseHandle> _handles;

    private FileError Open()
    {
        if (!_message.TryTake(out FuseOpenRequest request) || !_message.HasRoomFor<FuseOpenAnswer>())
        {
            return Malformed();
        }

        FileError error = Find(out SharedNode node);
        if (error != FileError.None)
        {
            return error;
        }

        if (_handles.IsFull)
        {
            return FileError.ENFILE;
        }

        OpenModes modes = ToModes(request.Flags);
        error = node.Open(modes, out OpenFile? file);
        if (error != FileError.None || file is null)
        {
            file?.Close();

            // ENOSYS would tell the kernel that files need no opening at all.
            return error is FileError.None or FileError.ENOSYS ? FileError.EOPNOTSUPP : error;
        }

        return AnswerHandle(new FuseHandle(node, file, modes));
    }

    private FileError OpenDirectory()
    {
        if (!_message.TryTake(out FuseOpenRequest _) || !_message.HasRoomFor<FuseOpenAnswer>())
        {
            return Malformed();
        }

        FileError error = Find(out SharedNode node);
        if (error != FileError.None || (error = node.GetAttributes(out NodeAttributes attributes)) != FileError.None)
        {
            return error;
        }

        return attributes.Kind == NodeKind.Directory ? AnswerHandle(new FuseHandle(node, null, OpenModes.None)) : FileError.ENOTDIR;
    }

    private FileError AnswerHandle(FuseHandle handle) =>
        _handles.TryAdd(handle, out ulong id) ? _message.Answer(new FuseOpenAnswer(id, 0, 0)) : FileError.ENFILE;

    private FileError FindFile(ulong handle, out OpenFile file)
    {
        bool isOpen = _handles.TryGet(handle, out FuseHandle? open);
        file = open?.File!;
        return !isOpen ? FileError.EBADF : file is null ? FileError.EISDIR : FileError.None;
    }

    private FileError Read()
    {
        if (!_message.TryTake(out FuseTransferRequest request))
        {
            return Malformed();
        }

        FileError error = FindFile(request.Handle, out OpenFile file);
        if (error != FileError.None)
        {
            return error;
        }

        if (request.Offset > long.MaxValue)
        {
            return FileError.EINVAL;
        }

        int length = (int)uint.Min(request.Size, (uint)int.Min(_message.Room, _options.MaxTransfer));
        error = file.Read((long)request.Offset, new WritableBuffers(_message.Chain, FuseAnswerHeader.Size, length), out int read);
        if (error != FileError.None || (uint)read > (uint)length)
        {
            return error != FileError.None ? error : FileError.EIO; // the provider does not know what it does
        }

        Counters.CountRead(read);
        _message.AnswerLength = read;
        return FileError.None;
    }

    private FileError Write()
    {
        if (!_message.TryTake(out FuseTransferRequest request) || request.Size != _message.Left || request.Size > _options.MaxTransfer || !_message.HasRoomFor<FuseWriteAnswer>())
        {
            return Malformed();
        }

        FileError error = FindFile(request.Handle, out OpenFile file);
        if (error != FileError.None)
        {
            return error;
        }

        if (request.Offset > (ulong)long.MaxValue - request.Size)
        {
            return FileError.EFBIG;
        }

        int length = (int)request.Size;
        error = file.Write((long)request.Offset, new ReadableBuffers(_message.Chain, _message.Position, length), out int written);
        if (error != FileError.None || (uint)written > (uint)length)
        {
            return error != FileError.None ? error : FileError.EIO;
        }

        Counters.CountWritten(written);
        return _message.Answer(new FuseWriteAnswer((uint)written, 0));
    }

    private FileError Release()
    {
        if (!_message.TryTake(out FuseReleaseRequest request))
        {
            return Malformed();
        }

        if (!_handles.Remove(request.Handle, out FuseHandle? handle))
        {
            return FileError.EBADF;
        }

        handle.File?.Close();
        return FileError.None;
    }

    private FileError Flush()
    {
        if (!_message.TryTake(out FuseFlushRequest request))
        {
            return Malformed();
        }

        FileError error = FindFile(request.Handle, out OpenFile file);
        return error != FileError.None ? error : file.Flush();
    }

    private FileError Sync()
    {
        if (!_message.TryTake(out FuseSyncRequest request))
        {
            return Malformed();
        }

        FileError error = FindFile(request.Handle, out OpenFile file);
        return error != FileError.None ? error : file.Sync((request.Flags & FuseSyncRequest.DataOnly) != 0);
    }

    private FileError SyncDirectory()
    {
        if (!_message.TryTake(out FuseSyncRequest request))
        {
            return Malformed();
        }

        return _handles.TryGet(request.Handle, out FuseHandle? handle) ? handle.Node.Sync(isWholeTree: false) : FileError.EBADF;
    }

    private FileError Allocate()
    {
        if (!_message.TryTake(out FuseAllocateRequest request))
        {
            return Malformed();
        }

        FileError error = FindFile(request.Handle, out OpenFile file);
        if (error != FileError.None)
        {
            return error;
        }

        if (request.Length is 0 or > long.MaxValue || request.Offset > long.MaxValue)
        {
            return FileError.EINVAL;
        }

        return request.Offset > (ulong)long.MaxValue - request.Length ? FileError.EFBIG : file.Allocate((long)request.Offset, (long)request.Length, (int)request.Mode);
    }

    private FileError Seek()
    {
        if (!_message.TryTake(out FuseSeekRequest request))
        {
            return Malformed();
        }

        FileError error = FindFile(request.Handle, out OpenFile file);
        if (error != FileError.None)
        {
            return error;
        }

        if (request.Whence is not (FuseSeekRequest.Data or FuseSeekRequest.Hole) || request.Offset > long.MaxValue)
        {
            return FileError.EINVAL;
        }

        error = file.Seek((long)request.Offset, request.Whence == FuseSeekRequest.Hole, out long found);
        return error != FileError.None ? error : _message.Answer(new FuseSeekAnswer((ulong)found));
    }

    private FileError ReadDirectory(bool hasEntries)
    {
        if (!_message.TryTake(out FuseTransferRequest request))
        {
            return Malformed();
        }

        if (!_handles.TryGet(request.Handle, out FuseHandle? handle))
        {
            return FileError.EBADF;
        }

        if (handle.File is not null)
        {
            return FileError.ENOTDIR;
        }

        if (request.Offset > long.MaxValue)
        {
            return FileError.EINVAL;
        }

        FileError error = handle.Node.GetAttributes(out NodeAttributes attributes);
        if (error != FileError.None)
        {
            return error;
        }

        _writer.Begin(handle.Node, (int)uint.Min(request.Size, (uint)_message.Room), hasEntries);
        _writer.AddDots(request.Offset, attributes.Inode);
        error = handle.Node.Enumerate(request.Offset < DotCount ? 0 : request.Offset - DotCount, _writer);

        // What was listed with attributes counts as looked up, so it must reach the kernel.
        if (error != FileError.None && _writer.Length == 0)
        {
            return error;
        }

        _message.AnswerLength = _message.Chain.Write(FuseAnswerHeader.Size, _writer.Written);
        return FileError.None;
    }
}
