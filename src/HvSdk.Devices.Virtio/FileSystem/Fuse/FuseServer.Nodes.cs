namespace HvSdk.Devices.Virtio;

/// <content>Nodes that the guest knows, and their attributes.</content>
internal sealed partial class FuseServer
{
    // A kernel sends at most a few hundred at a time.
    private const uint MaxForgets = 1 << 16;

    private readonly BoundedTable<KnownNode> _nodes;
    private readonly Dictionary<SharedNode, KnownNode> _ids = [];

    /// <summary>Looks an entry of a directory up for a listing with attributes. The kernel counts it as a lookup.</summary>
    internal bool TryKnowEntry(SharedNode directory, ReadOnlySpan<byte> name, out FuseEntry entry)
    {
        entry = default;
        return directory.Lookup(name, out SharedNode? node) == FileError.None && node is not null && Enter(node, name, out entry) == FileError.None;
    }

    /// <summary>Makes a node known, or known once more, and says what the kernel shall know of it.</summary>
    /// <param name="node">The node.</param>
    /// <param name="name">Its name in the directory that the request is about.</param>
    /// <param name="entry">What the kernel gets.</param>
    private FileError Enter(SharedNode node, ReadOnlySpan<byte> name, out FuseEntry entry)
    {
        entry = default;
        FileError error = node.GetAttributes(out NodeAttributes attributes);
        if (error != FileError.None)
        {
            ForgetUnknown(node);
            return error;
        }

        error = Know(node, _message.Header.NodeId, name, out ulong id);
        if (error == FileError.None)
        {
            entry = new FuseEntry(id, 0, _cacheTime.Seconds, _cacheTime.Seconds, _cacheTime.Nanoseconds, _cacheTime.Nanoseconds, ToFuse(attributes, id));
        }

        return error;
    }

    private FileError Know(SharedNode node, ulong parent, ReadOnlySpan<byte> name, out ulong id)
    {
        if (_ids.TryGetValue(node, out KnownNode? known))
        {
            known.Lookups++;
            known.LearnName(parent, name);
            id = known.Id;
            ForgetUnknown(node);
            return FileError.None;
        }

        known = new KnownNode(node);
        known.LearnName(parent, name);
        if (!_nodes.TryAdd(known, out id))
        {
            node.Forget();
            return FileError.ENFILE;
        }

        known.Id = id;
        _ids.Add(node, known);
        return FileError.None;
    }

    /// <summary>A node has another name now: whoever finds it by name again needs it.</summary>
    private void LearnName(SharedNode directory, ulong directoryId, ReadOnlySpan<byte> name)
    {
        if (directory.Lookup(name, out SharedNode? node) == FileError.None && node is not null)
        {
            if (_ids.TryGetValue(node, out KnownNode? known))
            {
                known.LearnName(directoryId, name);
            }

            ForgetUnknown(node);
        }
    }

    /// <summary>A node that is equal to one that is known has been made for nothing.</summary>
    private void ForgetUnknown(SharedNode node)
    {
        if (!_ids.TryGetValue(node, out KnownNode? known) || !ReferenceEquals(known.Node, node))
        {
            node.Forget();
        }
    }

    private void Forget(ulong id, ulong count)
    {
        // The root is known as long as there is a session.
        if (id == RootId || !_nodes.TryGet(id, out KnownNode? known))
        {
            return;
        }

        if (count < known.Lookups)
        {
            known.Lookups -= count;
            return;
        }

        _nodes.Remove(id, out _);
        _ids.Remove(known.Node);
        Guard(known, static known => known.Node.Forget());
    }

    private FileError Find(ulong id, out SharedNode node)
    {
        bool isKnown = _nodes.TryGet(id, out KnownNode? known);
        node = isKnown ? known!.Node : _root;
        return isKnown ? FileError.None : FileError.ESTALE;
    }

    private FileError Find(out SharedNode node) => Find(_message.Header.NodeId, out node);

    private FileError Lookup()
    {
        FileError error = Find(out SharedNode directory);
        if (error != FileError.None || (error = _message.TakeName(out ReadOnlySpan<byte> name)) != FileError.None)
        {
            return error;
        }

        error = directory.Lookup(name, out SharedNode? node);
        return AnswerEntry(error, node);
    }

    private FileError AnswerEntry(FileError error, SharedNode? node)
    {
        if (error != FileError.None || node is null)
        {
            return error == FileError.None ? FileError.ENOENT : error;
        }

        if (!_message.HasRoomFor<FuseEntry>())
        {
            ForgetUnknown(node);
            return Malformed();
        }

        error = Enter(node, _message.FirstText, out FuseEntry entry);
        return error != FileError.None ? error : _message.Answer(entry);
    }

    private FileError Forget()
    {
        if (!_message.TryTake(out FuseForgetRequest request))
        {
            return Malformed();
        }

        Forget(_message.Header.NodeId, request.Count);
        return FileError.None;
    }

    private FileError BatchForget()
    {
        if (!_message.TryTake(out FuseBatchForgetRequest request) || request.Count > MaxForgets || request.Count > _message.Left / FuseForgetOne.Size)
        {
            return Malformed();
        }

        for (uint i = 0; i < request.Count && _message.TryTake(out FuseForgetOne one); i++)
        {
            Forget(one.NodeId, one.Count);
        }

        return FileError.None;
    }

    private FileError GetAttributes()
    {
        if (!_message.TryTake(out FuseGetAttributesRequest _))
        {
            return Malformed();
        }

        FileError error = Find(out SharedNode node);
        return error != FileError.None ? error : AnswerAttributes(node);
    }

    private FileError AnswerAttributes(SharedNode node)
    {
        FileError error = node.GetAttributes(out NodeAttributes attributes);
        return error != FileError.None
            ? error
            : _message.Answer(new FuseAttributesAnswer(_cacheTime.Seconds, _cacheTime.Nanoseconds, 0, ToFuse(attributes, _message.Header.NodeId)));
    }

    private FileError SetAttributes()
    {
        if (!_message.TryTake(out FuseSetAttributesRequest request) || !_message.HasRoomFor<FuseAttributesAnswer>())
        {
            return Malformed();
        }

        FileError error = Find(out SharedNode node);
        if (error != FileError.None)
        {
            return error;
        }

        FuseHandle? handle = null;
        if (request.Valid.HasFlag(FuseAttributeMask.Handle) && !_handles.TryGet(request.Handle, out handle))
        {
            return FileError.EBADF;
        }

        if (!TryParse(request, out AttributeChanges changes))
        {
            return FileError.EINVAL;
        }

        error = node.SetAttributes(changes, handle is not null && node.Equals(handle.Node) ? handle.File : null);
        return error != FileError.None ? error : AnswerAttributes(node);
    }

    private bool TryParse(in FuseSetAttributesRequest request, out AttributeChanges changes)
    {
        changes = default;
        FuseAttributeMask valid = request.Valid;
        if ((valid.HasFlag(FuseAttributeMask.Size) && request.Size > long.MaxValue)
            || !TryParseTime(valid.HasFlag(FuseAttributeMask.AccessTime), valid.HasFlag(FuseAttributeMask.AccessTimeNow), request.AccessTime, request.AccessNanoseconds, out DateTimeOffset? access)
            || !TryParseTime(valid.HasFlag(FuseAttributeMask.ModifyTime), valid.HasFlag(FuseAttributeMask.ModifyTimeNow), request.ModifyTime, request.ModifyNanoseconds, out DateTimeOffset? modify))
        {
            return false;
        }

        changes = new AttributeChanges
        {
            Permissions = valid.HasFlag(FuseAttributeMask.Mode) ? request.Mode & NodeMode.PermissionMask : null,
            UserId = valid.HasFlag(FuseAttributeMask.UserId) ? request.UserId : null,
            GroupId = valid.HasFlag(FuseAttributeMask.GroupId) ? request.GroupId : null,
            Size = valid.HasFlag(FuseAttributeMask.Size) ? (long)request.Size : null,
            AccessTime = access,
            ModifyTime = modify,
        };
        return true;
    }

    private bool TryParseTime(bool isGiven, bool isNow, ulong seconds, uint nanoseconds, out DateTimeOffset? time)
    {
        time = isNow ? TimeProvider.GetUtcNow() : null;
        if (isNow || !isGiven)
        {
            return true;
        }

        bool isValid = FuseTime.TryParse(seconds, nanoseconds, out DateTimeOffset parsed);
        time = parsed;
        return isValid;
    }

    private static FuseAttributes ToFuse(in NodeAttributes attributes, ulong id)
    {
        (ulong accessSeconds, uint accessNanoseconds) = FuseTime.From(attributes.AccessTime);
        (ulong modifySeconds, uint modifyNanoseconds) = FuseTime.From(attributes.ModifyTime);
        (ulong changeSeconds, uint changeNanoseconds) = FuseTime.From(attributes.ChangeTime);
        ulong size = (ulong)long.Max(attributes.Size, 0);
        return new FuseAttributes(
            attributes.Inode == 0 ? id : attributes.Inode,
            size,
            (((ulong?)attributes.AllocatedSize ?? size) + 511) / 512, // blocks of stat(2)
            accessSeconds,
            modifySeconds,
            changeSeconds,
            accessNanoseconds,
            modifyNanoseconds,
            changeNanoseconds,
            NodeMode.Of(attributes),
            attributes.LinkCount ?? (attributes.Kind == NodeKind.Directory ? 2U : 1U),
            attributes.UserId,
            attributes.GroupId,
            attributes.DeviceNumber,
            PageSize,
            0);
    }
}
