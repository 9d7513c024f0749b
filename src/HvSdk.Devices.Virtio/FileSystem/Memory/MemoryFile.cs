namespace HvSdk.Devices.Virtio;

/// <summary>A file of a <see cref="MemoryTree"/> that a guest has open.</summary>
internal sealed class MemoryFile(MemoryNode node, OpenModes modes) : OpenFile
{
    // Of fallocate(2).
    private const int KeepSize = 1;
    private const int PunchHole = 2;
    private const int ZeroRange = 0x10;

    public override FileError Read(long offset, Span<byte> destination, out int read)
    {
        read = 0;
        if ((modes & OpenModes.Read) == 0)
        {
            return FileError.EBADF;
        }

        lock (node.Tree.Gate)
        {
            read = node.Content.Read(offset, destination);
            return FileError.None;
        }
    }

    public override FileError Write(long offset, ReadOnlySpan<byte> source, out int written)
    {
        written = 0;
        if ((modes & OpenModes.Write) == 0)
        {
            return FileError.EBADF;
        }

        lock (node.Tree.Gate)
        {
            FileError error = GrowTo(offset + source.Length);
            if (error != FileError.None)
            {
                return error;
            }

            node.Content.Write(offset, source);
            node.Touch();
            written = source.Length;
            return FileError.None;
        }
    }

    public override FileError Allocate(long offset, long length, int mode)
    {
        if ((modes & OpenModes.Write) == 0)
        {
            return FileError.EBADF;
        }

        if ((mode & ~(KeepSize | PunchHole | ZeroRange)) != 0 || (mode & (PunchHole | ZeroRange)) == (PunchHole | ZeroRange) || (mode & (PunchHole | KeepSize)) == PunchHole)
        {
            return FileError.EOPNOTSUPP;
        }

        lock (node.Tree.Gate)
        {
            FileError error = (mode & KeepSize) == 0 ? GrowTo(offset + length) : FileError.None;
            if (error == FileError.None && (mode & (PunchHole | ZeroRange)) != 0)
            {
                node.Content.Clear(offset, length);
                node.Touch();
            }

            return error;
        }
    }

    public override void Close() => node.Closed();

    private FileError GrowTo(long end) => end > node.Content.Size ? node.Resize(end) : FileError.None;
}
