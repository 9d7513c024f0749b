using System.Text;

namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state: nodes by their names, which the tree finds again.</content>
internal sealed partial class FuseServer
{
    public FileSystemDeviceState SaveState(string tag)
    {
        var found = new HashSet<ulong>();
        FuseNodeState[] nodes = [.. _nodes.Items.Select(item => SaveNode(item.Item, found))];
        return new FileSystemDeviceState
        {
            Tag = tag,
            HasSession = _hasSession,
            Nodes = nodes,
            OpenFiles =
            [
                .. from item in _handles.Items
                   let node = _ids.GetValueOrDefault(item.Item.Node)
                   where node is not null && found.Contains(node.Id)
                   select new FuseOpenState { Id = item.Id, Node = node.Id, IsDirectory = item.Item.File is null, Modes = item.Item.Modes & ~OpenModes.Truncate },
            ],
        };
    }

    /// <summary>Finds everything again, in a server that knows nothing.</summary>
    public void LoadState(FileSystemDeviceState state)
    {
        StateProblem.RequireCount(state.Nodes, 0, _options.MaxNodes, nameof(state.Nodes));
        StateProblem.RequireCount(state.OpenFiles, 0, _options.MaxOpenFiles, nameof(state.OpenFiles));
        StateProblem.Require(
            state.HasSession ? state.Nodes.Any(static node => node is { Id: RootId, Name: null }) : state.Nodes.Count + state.OpenFiles.Count == 0,
            $"{nameof(state.HasSession)} is {state.HasSession}; with a session there is the root among {nameof(state.Nodes)}, and without one there is nothing.");
        try
        {
            LoadNodes(state.Nodes);
            foreach (FuseOpenState open in state.OpenFiles)
            {
                LoadOpen(open);
            }
        }
        catch
        {
            EndSession();
            throw;
        }

        _nodes.EndRestore();
        _handles.EndRestore();
        _hasSession = state.HasSession;
    }

    private FuseNodeState SaveNode(KnownNode known, HashSet<ulong> found)
    {
        bool isRoot = known.Id == RootId;
        bool isFound = isRoot;
        if (!isRoot && _nodes.TryGet(known.Parent, out KnownNode? parent))
        {
            // It may have been removed, or another have taken its name.
            FileError error = FileError.EIO;
            SharedNode? node = null;
            Guard(known, known => error = parent.Node.Lookup(known.Name, out node));
            isFound = error == FileError.None && known.Node.Equals(node);
            if (node is not null)
            {
                ForgetUnknown(node);
            }
        }

        if (isFound)
        {
            found.Add(known.Id);
        }

        return new FuseNodeState
        {
            Id = known.Id,
            Lookups = known.Lookups,
            Parent = isFound && !isRoot ? known.Parent : 0,
            Name = isFound && !isRoot ? known.Name.ToArray() : null,
        };
    }

    /// <summary>Finds nodes, each after the directory that it is in.</summary>
    private void LoadNodes(IReadOnlyList<FuseNodeState> nodes)
    {
        var states = new Dictionary<ulong, FuseNodeState>();
        foreach (FuseNodeState node in nodes)
        {
            StateProblem.Require(node is { Lookups: > 0 } && states.TryAdd(node.Id, node), $"{nameof(FileSystemDeviceState.Nodes)} has a null, a node that is not known, or two of the same {nameof(node.Id)}.");
        }

        var way = new Stack<FuseNodeState>();
        foreach (FuseNodeState node in nodes)
        {
            FuseNodeState next = node;
            while (!_nodes.TryGet(next.Id, out _))
            {
                way.Push(next);
                if (next.Name is null)
                {
                    break;
                }

                StateProblem.Require(
                    states.TryGetValue(next.Parent, out FuseNodeState? parent) && way.Count <= nodes.Count, $"node {next.Id} is in node {next.Parent}, which is not there or lies within it.");
                next = parent;
            }

            while (way.TryPop(out FuseNodeState? due))
            {
                LoadNode(due);
            }
        }
    }

    private void LoadNode(FuseNodeState state)
    {
        SharedNode node = state.Id == RootId ? _root : state.Name is null ? new GoneNode() : Find(state);
        var known = new KnownNode(node) { Id = state.Id, Lookups = state.Lookups };
        known.LearnName(state.Parent, state.Name is null ? [] : [.. state.Name]);
        StateProblem.Require(_nodes.TryRestore(state.Id, known), $"{state.Id} is no {nameof(state.Id)} of a node: the lower half is 1 to {_options.MaxNodes}, and no two have the same.");
        StateProblem.Require(_ids.TryAdd(node, known), $"node {state.Id} and node {_ids[node].Id} are the same. Load the state over the tree that the guest had.");
    }

    private SharedNode Find(FuseNodeState state)
    {
        byte[] name = [.. state.Name!];
        StateProblem.Require(FuseName.Check(name) == FileError.None, $"node {state.Id} has a name that is none.");
        StateProblem.Require(_nodes.TryGet(state.Parent, out KnownNode? parent), $"node {state.Id} is in node {state.Parent}, which is not there.");
        FileError error = FileError.EIO;
        SharedNode? node = null;
        Guard(parent, parent => error = parent.Node.Lookup(name, out node));
        return error == FileError.None && node is not null
            ? node
            : throw new ArgumentException($"The tree has no '{PathOf(parent)}/{Encoding.UTF8.GetString(name)}' ({error}), which the guest knows as node {state.Id}. Load the state over the tree that the guest had.", nameof(state));
    }

    private string PathOf(KnownNode node)
    {
        string path = "";
        for (KnownNode? known = node; known is not null && known.Id != RootId; _nodes.TryGet(known.Parent, out known))
        {
            path = $"/{Encoding.UTF8.GetString(known.Name)}{path}";
        }

        return path;
    }

    private void LoadOpen(FuseOpenState state)
    {
        StateProblem.Require(state is not null, $"{nameof(FileSystemDeviceState.OpenFiles)} has a null.");
        StateProblem.Require(_nodes.TryGet(state.Node, out KnownNode? known) && known.Node is not GoneNode, $"what is open as {state.Id} is node {state.Node}, which is not there.");
        StateProblem.Require((state.Modes & ~(OpenModes.Read | OpenModes.Write)) == 0, $"what is open as {state.Id} has modes 0x{(int)state.Modes:X}; they are {OpenModes.Read} and {OpenModes.Write}.");
        OpenFile? file = null;
        if (!state.IsDirectory)
        {
            FileError error = FileError.EIO;
            Guard(known, known => error = known.Node.Open(state.Modes, out file));
            StateProblem.Require(error == FileError.None && file is not null, $"'{PathOf(known)}' does not open ({error}), and the guest has it open as {state.Id}. Load the state over the tree that the guest had.");
        }

        if (!_handles.TryRestore(state.Id, new FuseHandle(known.Node, file, state.Modes)))
        {
            file?.Close();
            StateProblem.Throw($"{state.Id} is no number of something open: the lower half is 1 to {_options.MaxOpenFiles}, and no two have the same.");
        }
    }

    /// <summary>What the guest knows and the tree has no name for any more.</summary>
    private sealed class GoneNode : SharedNode
    {
        public override FileError GetAttributes(out NodeAttributes attributes)
        {
            attributes = default;
            return FileError.ESTALE;
        }

        public override FileError Lookup(ReadOnlySpan<byte> name, out SharedNode? node)
        {
            node = null;
            return FileError.ESTALE;
        }
    }
}
