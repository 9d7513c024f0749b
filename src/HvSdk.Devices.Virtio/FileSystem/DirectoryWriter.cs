using System.Text;

namespace HvSdk.Devices.Virtio;

/// <summary>Takes the entries of a directory that a guest lists.</summary>
/// <remarks>Usable within the call of <see cref="SharedNode.Enumerate"/> that it is handed to.</remarks>
public sealed class DirectoryWriter
{
    // What file systems in user space give where they know none.
    private const ulong UnknownInode = uint.MaxValue;

    private readonly FuseServer _server;
    private readonly byte[] _buffer = new byte[FuseServer.MaxListing];
    private SharedNode _directory = null!;
    private int _room;
    private bool _hasEntries;

    internal DirectoryWriter(FuseServer server)
    {
        _server = server;
    }

    /// <summary>Bytes of entries.</summary>
    internal int Length { get; private set; }

    internal ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    /// <summary>Adds an entry.</summary>
    /// <param name="name">Its name: 1 to 255 bytes without '/' and NUL, not "." and "..".</param>
    /// <param name="kind">What it is, or <see cref="NodeKind.Unknown"/>.</param>
    /// <param name="inode">Its inode number, or 0: not known.</param>
    /// <param name="next">Where the listing goes on after this entry; more than 0.</param>
    /// <returns>False: there is no room for it; return, and the guest asks for it anew.</returns>
    /// <exception cref="ArgumentException">The name is none.</exception>
    public bool TryAdd(ReadOnlySpan<byte> name, NodeKind kind, ulong inode, ulong next)
    {
        if (FuseName.Check(name) != FileError.None)
        {
            throw new ArgumentException(
                $"'{Encoding.UTF8.GetString(name)}' is no name of a directory entry. Give 1 to {FuseName.MaxLength} bytes without '/' and NUL, and neither \".\" nor \"..\".", nameof(name));
        }

        // Positions 0 to 2 are those of the two dots.
        return TryAddCore(name, kind, inode, long.CreateSaturating(next) > long.MaxValue - FuseServer.DotCount ? long.MaxValue : (long)next + FuseServer.DotCount, isDot: false);
    }

    /// <summary>Adds an entry whose inode number nobody knows.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="kind">What it is, or <see cref="NodeKind.Unknown"/>.</param>
    /// <param name="next">Where the listing goes on after this entry; more than 0.</param>
    /// <returns>False: there is no room for it; return, and the guest asks for it anew.</returns>
    public bool TryAdd(string name, NodeKind kind, ulong next)
    {
        ArgumentNullException.ThrowIfNull(name);
        return TryAdd(Encoding.UTF8.GetBytes(name), kind, 0, next);
    }

    internal void Begin(SharedNode directory, int room, bool hasEntries)
    {
        _directory = directory;
        _room = int.Min(room, _buffer.Length);
        _hasEntries = hasEntries;
        Length = 0;
    }

    internal void AddDots(ulong position, ulong inode)
    {
        if (position == 0)
        {
            TryAddCore("."u8, NodeKind.Directory, inode, 1, isDot: true);
        }

        if (position <= 1)
        {
            TryAddCore(".."u8, NodeKind.Directory, inode, FuseServer.DotCount, isDot: true);
        }
    }

    private bool TryAddCore(ReadOnlySpan<byte> name, NodeKind kind, ulong inode, long next, bool isDot)
    {
        int start = _hasEntries ? FuseEntry.Size : 0;
        int size = (start + FuseDirectoryEntry.Size + name.Length + 7) & ~7;
        if (size > _room - Length)
        {
            _room = Length; // a shorter name that follows would come before this one
            return false;
        }

        Span<byte> record = _buffer.AsSpan(Length, size);
        record.Clear();
        if (_hasEntries && !isDot && _server.TryKnowEntry(_directory, name, out FuseEntry entry))
        {
            FuseMessage.Store(record, entry);
            inode = entry.Attributes.Inode;
            kind = (NodeKind)(entry.Attributes.Mode >> NodeMode.KindShift);
        }

        // Inode number 0 would say that there is nothing.
        FuseMessage.Store(record[start..], new FuseDirectoryEntry(inode == 0 ? UnknownInode : inode, (ulong)next, (uint)name.Length, (uint)kind));
        name.CopyTo(record[(start + FuseDirectoryEntry.Size)..]);
        Length += size;
        return true;
    }
}
