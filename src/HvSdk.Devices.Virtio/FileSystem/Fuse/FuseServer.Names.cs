namespace HvSdk.Devices.Virtio;

/// <content>Names that come, go and move.</content>
internal sealed partial class FuseServer
{
    // Of open(2) on Linux; the protocol has those of the generic headers.
    private const uint AccessModeMask = 3;
    private const uint WriteOnly = 1;
    private const uint ReadWrite = 2;
    private const uint Exclusive = 0x80;
    private const uint Truncate = 0x200;

    private FileError MakeNode()
    {
        if (!_message.TryTake(out FuseMakeNodeRequest request))
        {
            return Malformed();
        }

        var kind = (NodeKind)((request.Mode >> NodeMode.KindShift) & 0xF);
        return kind is NodeKind.Fifo or NodeKind.CharacterDevice or NodeKind.BlockDevice or NodeKind.File or NodeKind.Socket
            ? Make(New(kind, request.Mode, request.DeviceNumber))
            : FileError.EINVAL;
    }

    private FileError MakeDirectory() =>
        _message.TryTake(out FuseMakeDirectoryRequest request) ? Make(New(NodeKind.Directory, request.Mode)) : Malformed();

    private NewNode New(NodeKind kind, uint mode, uint deviceNumber = 0) =>
        new(kind, mode & NodeMode.PermissionMask, _message.Header.UserId, _message.Header.GroupId, deviceNumber);

    /// <summary>Nothing is made that could not be told of.</summary>
    private FileError CheckRoomFor<T>()
        where T : unmanaged
        => !_message.HasRoomFor<T>() ? Malformed() : _nodes.IsFull ? FileError.ENFILE : FileError.None;

    private FileError Make(in NewNode created)
    {
        FileError error = CheckRoomFor<FuseEntry>();
        if (error != FileError.None || (error = Find(out SharedNode directory)) != FileError.None || (error = _message.TakeName(out ReadOnlySpan<byte> name)) != FileError.None)
        {
            return error;
        }

        error = directory.Create(name, created, out SharedNode? node);
        return AnswerEntry(error, node);
    }

    private FileError SymbolicLink()
    {
        FileError error = CheckRoomFor<FuseEntry>();
        if (error != FileError.None
            || (error = Find(out SharedNode directory)) != FileError.None
            || (error = _message.TakeName(out ReadOnlySpan<byte> name)) != FileError.None
            || (error = _message.TakeText(out ReadOnlySpan<byte> target)) != FileError.None)
        {
            return error;
        }

        if (target.Length is 0 or > FuseName.MaxTargetLength)
        {
            return target.IsEmpty ? FileError.ENOENT : FileError.ENAMETOOLONG;
        }

        error = directory.CreateSymbolicLink(name, target, New(NodeKind.SymbolicLink, 0b111_111_111), out SharedNode? node);
        return AnswerEntry(error, node);
    }

    private FileError ReadLink()
    {
        FileError error = Find(out SharedNode node);
        if (error != FileError.None)
        {
            return error;
        }

        Span<byte> target = stackalloc byte[FuseName.MaxTargetLength];
        error = node.ReadLink(target, out int length);
        if (error != FileError.None)
        {
            return error;
        }

        if (length < 0 || length > target.Length)
        {
            return FileError.EIO;
        }

        if (length > _message.Room)
        {
            return FileError.ENAMETOOLONG;
        }

        _message.AnswerLength = _message.Chain.Write(FuseAnswerHeader.Size, target[..length]);
        return FileError.None;
    }

    private FileError Unlink()
    {
        FileError error = Find(out SharedNode directory);
        return error != FileError.None || (error = _message.TakeName(out ReadOnlySpan<byte> name)) != FileError.None ? error : directory.Unlink(name);
    }

    private FileError RemoveDirectory()
    {
        FileError error = Find(out SharedNode directory);
        return error != FileError.None || (error = _message.TakeName(out ReadOnlySpan<byte> name)) != FileError.None ? error : directory.RemoveDirectory(name);
    }

    private FileError Rename() => _message.TryTake(out FuseRenameRequest request) ? Rename(request.NewParent, RenameModes.None) : Malformed();

    private FileError Rename2()
    {
        if (!_message.TryTake(out FuseRename2Request request))
        {
            return Malformed();
        }

        // The two exclude one another, and there is one more that leaves a whiteout.
        return request.Flags is RenameModes.None or RenameModes.NoReplace or RenameModes.Exchange ? Rename(request.NewParent, request.Flags) : FileError.EINVAL;
    }

    private FileError Rename(ulong newParentId, RenameModes modes)
    {
        FileError error = Find(out SharedNode directory);
        if (error != FileError.None
            || (error = Find(newParentId, out SharedNode newParent)) != FileError.None
            || (error = _message.TakeName(out ReadOnlySpan<byte> name)) != FileError.None
            || (error = _message.TakeName(out ReadOnlySpan<byte> newName)) != FileError.None)
        {
            return error;
        }

        error = directory.Rename(name, newParent, newName, modes);
        if (error == FileError.None)
        {
            LearnName(newParent, newParentId, newName);
            if (modes == RenameModes.Exchange)
            {
                LearnName(directory, _message.Header.NodeId, name);
            }
        }

        return error;
    }

    private FileError Link()
    {
        if (!_message.TryTake(out FuseLinkRequest request) || !_message.HasRoomFor<FuseEntry>())
        {
            return Malformed();
        }

        FileError error = Find(out SharedNode directory);
        if (error != FileError.None
            || (error = Find(request.NodeId, out SharedNode existing)) != FileError.None
            || (error = _message.TakeName(out ReadOnlySpan<byte> name)) != FileError.None)
        {
            return error;
        }

        error = directory.Link(name, existing);
        return AnswerEntry(error, existing);
    }

    private FileError Create()
    {
        if (!_message.TryTake(out FuseCreateRequest request))
        {
            return Malformed();
        }

        FileError error = CheckRoomFor<FuseCreateAnswer>();
        if (error != FileError.None || (error = Find(out SharedNode directory)) != FileError.None || (error = _message.TakeName(out ReadOnlySpan<byte> name)) != FileError.None)
        {
            return error;
        }

        if (_handles.IsFull)
        {
            return FileError.ENFILE;
        }

        OpenModes modes = ToModes(request.Flags);
        error = directory.CreateAndOpen(name, New(NodeKind.File, request.Mode), modes, out SharedNode? node, out OpenFile? file);
        if (error == FileError.EEXIST && (request.Flags & Exclusive) == 0)
        {
            // Somebody else has made it since the kernel looked.
            error = directory.Lookup(name, out node);
            if (error == FileError.None && node is not null)
            {
                error = node.Open(modes, out file);
            }
        }

        return AnswerCreated(error, node, file, modes);
    }

    private FileError AnswerCreated(FileError error, SharedNode? node, OpenFile? file, OpenModes modes)
    {
        if (error != FileError.None || node is null || file is null)
        {
            file?.Close();
            if (node is not null)
            {
                ForgetUnknown(node);
            }

            return error == FileError.None ? FileError.EIO : error;
        }

        error = Enter(node, _message.FirstText, out FuseEntry entry);
        if (error != FileError.None)
        {
            file.Close();
            return error;
        }

        // The table had room when we asked.
        _nodes.TryGet(entry.NodeId, out KnownNode? known);
        _handles.TryAdd(new FuseHandle(known!.Node, file, modes), out ulong handle);
        return _message.Answer(new FuseCreateAnswer(entry, new FuseOpenAnswer(handle, 0, 0)));
    }

    private static OpenModes ToModes(uint flags) =>
        (flags & AccessModeMask) switch
        {
            0 => OpenModes.Read,
            WriteOnly => OpenModes.Write,
            ReadWrite => OpenModes.Read | OpenModes.Write,
            _ => OpenModes.None,
        }
        | ((flags & Truncate) != 0 ? OpenModes.Truncate : OpenModes.None);
}
