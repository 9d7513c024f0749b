namespace HvSdk.Devices.Virtio;

/// <summary>A file, directory or other node of a tree that a guest sees through a <see cref="FileSystemDevice"/>. A base for trees of your own.</summary>
/// <remarks>
/// <para>A read-only tree overrides <see cref="GetAttributes"/>; in directories <see cref="Lookup"/> and <see cref="Enumerate"/>; in files <see cref="Open"/>. What is
/// not overridden refuses with an error of Linux. Errors are values; what a member throws anyway is the guest's EIO, and is kept in
/// <see cref="FileSystemCounters.LastFailure"/>.</para>
/// <para>Called on the worker of the device, one call at a time; where a tree is given to several devices, or changed by others, it synchronizes itself. A call that
/// blocks blocks all requests of the guest, and its reset of the device.</para>
/// <para>Two nodes that are equal (<see cref="object.Equals(object)"/>) are one to the guest. So give the same object for the same file each time, or override equality.
/// The guest's kernel checks permissions; whoever controls the guest can do all that the tree allows.</para>
/// <para>Names are bytes, UTF-8 by convention. They are checked before: 1 to 255 of them, without '/' and NUL, and neither "." nor "..". The spans cannot leave the call.</para>
/// </remarks>
/// <example>
/// A directory of texts:
/// <code>
/// sealed class Texts(Dictionary&lt;string, byte[]&gt; texts) : SharedNode
/// {
///     private readonly Dictionary&lt;string, Text&gt; _nodes = texts.ToDictionary(t => t.Key, t => new Text(t.Value));
///
///     public override FileError GetAttributes(out NodeAttributes attributes)
///     {
///         attributes = NodeAttributes.ReadOnlyDirectory;
///         return FileError.None;
///     }
///
///     public override FileError Lookup(ReadOnlySpan&lt;byte&gt; name, out SharedNode? node)
///     {
///         node = _nodes.GetValueOrDefault(Encoding.UTF8.GetString(name));
///         return node is null ? FileError.ENOENT : FileError.None;
///     }
///
///     public override FileError Enumerate(ulong position, DirectoryWriter writer)
///     {
///         foreach (string name in _nodes.Keys.Skip((int)position))
///         {
///             if (!writer.TryAdd(name, NodeKind.File, ++position))
///             {
///                 break;
///             }
///         }
///
///         return FileError.None;
///     }
/// }
/// </code>
/// </example>
public abstract class SharedNode
{
    /// <summary>Tells what the node is.</summary>
    /// <param name="attributes">Its attributes.</param>
    public abstract FileError GetAttributes(out NodeAttributes attributes);

    /// <summary>Changes attributes.</summary>
    /// <param name="changes">Which, and to what.</param>
    /// <param name="file">Where the guest does it through a file that it has open, this one.</param>
    public virtual FileError SetAttributes(in AttributeChanges changes, OpenFile? file) => FileError.EROFS;

    /// <summary>Finds what has a name in this directory.</summary>
    /// <param name="name">The name.</param>
    /// <param name="node">It.</param>
    public virtual FileError Lookup(ReadOnlySpan<byte> name, out SharedNode? node)
    {
        node = null;
        return FileError.ENOTDIR;
    }

    /// <summary>Lists this directory, from a position on, until the writer is full. "." and ".." are not its business.</summary>
    /// <param name="position">0 for the start, or what <see cref="DirectoryWriter.TryAdd(ReadOnlySpan{byte}, NodeKind, ulong, ulong)"/> got with the entry before; a hostile guest may give any.</param>
    /// <param name="writer">Takes entries. It may call <see cref="Lookup"/> for each.</param>
    public virtual FileError Enumerate(ulong position, DirectoryWriter writer) => FileError.ENOTDIR;

    /// <summary>Makes a file, a directory or another node in this directory.</summary>
    /// <param name="name">Its name; an error where it exists.</param>
    /// <param name="created">What it shall be.</param>
    /// <param name="node">It.</param>
    public virtual FileError Create(ReadOnlySpan<byte> name, in NewNode created, out SharedNode? node)
    {
        node = null;
        return FileError.EROFS;
    }

    /// <summary>Makes a file in this directory and opens it, at once where the tree can.</summary>
    /// <param name="name">Its name; EEXIST where it exists.</param>
    /// <param name="created">What it shall be.</param>
    /// <param name="modes">What it is opened for; its permissions do not matter this time.</param>
    /// <param name="node">It.</param>
    /// <param name="file">It, open.</param>
    public virtual FileError CreateAndOpen(ReadOnlySpan<byte> name, in NewNode created, OpenModes modes, out SharedNode? node, out OpenFile? file)
    {
        file = null;
        FileError error = Create(name, created, out node);
        return error != FileError.None || node is null ? error : node.Open(modes, out file);
    }

    /// <summary>Makes a symbolic link in this directory.</summary>
    /// <param name="name">Its name; an error where it exists.</param>
    /// <param name="target">1 to 4095 bytes without NUL, that the guest follows and the host must not.</param>
    /// <param name="created">Whose it shall be.</param>
    /// <param name="node">It.</param>
    public virtual FileError CreateSymbolicLink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, in NewNode created, out SharedNode? node)
    {
        node = null;
        return FileError.EROFS;
    }

    /// <summary>Gives a node one more name, in this directory.</summary>
    /// <param name="name">The name; an error where it exists.</param>
    /// <param name="existing">A node that this tree or another has given.</param>
    public virtual FileError Link(ReadOnlySpan<byte> name, SharedNode existing) => FileError.EROFS;

    /// <summary>Takes a name out of this directory. What is open stays usable for those who have it open.</summary>
    /// <param name="name">The name of what is no directory.</param>
    public virtual FileError Unlink(ReadOnlySpan<byte> name) => FileError.EROFS;

    /// <summary>Takes an empty directory out of this one.</summary>
    /// <param name="name">Its name.</param>
    public virtual FileError RemoveDirectory(ReadOnlySpan<byte> name) => FileError.EROFS;

    /// <summary>Moves a name from this directory to another, or within it.</summary>
    /// <param name="name">The name.</param>
    /// <param name="newParent">The other directory, of this tree or another; may be this one.</param>
    /// <param name="newName">The name there.</param>
    /// <param name="modes">What becomes of that which has the new name.</param>
    public virtual FileError Rename(ReadOnlySpan<byte> name, SharedNode newParent, ReadOnlySpan<byte> newName, RenameModes modes) => FileError.EROFS;

    /// <summary>Reads the target of this symbolic link.</summary>
    /// <param name="destination">Room for 4095 bytes.</param>
    /// <param name="length">How many there are.</param>
    public virtual FileError ReadLink(Span<byte> destination, out int length)
    {
        length = 0;
        return FileError.EINVAL;
    }

    /// <summary>Opens this file.</summary>
    /// <param name="modes">What for.</param>
    /// <param name="file">It, open.</param>
    public virtual FileError Open(OpenModes modes, out OpenFile? file)
    {
        file = null;
        return FileError.EACCES;
    }

    /// <summary>Changes shall be on stable storage when this returns. Files that are open have an own way, <see cref="OpenFile.Sync"/>.</summary>
    /// <param name="isWholeTree">Those of all the tree, not of this directory alone.</param>
    public virtual FileError Sync(bool isWholeTree) => FileError.None;

    /// <summary>Tells how full the tree is. Asked of its root.</summary>
    /// <param name="statistics">How full; by default: nothing is free.</param>
    public virtual FileError GetStatistics(out TreeStatistics statistics)
    {
        statistics = new TreeStatistics(4096, 0, 0, 0, 0);
        return FileError.None;
    }

    /// <summary>A guest knows this node no more, or never came to: let go of what it holds. Files that are open have their own end, and the node may be looked up again.</summary>
    public virtual void Forget()
    {
    }
}
