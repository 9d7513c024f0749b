using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>A file of a <see cref="HostDirectory"/> that the guest has open.</summary>
internal sealed partial class HostFile(HostTree tree, SafeFd fd, OpenModes modes) : OpenFile
{
    public bool IsWritable => (modes & OpenModes.Write) != 0;

    public override FileError Read(long offset, Span<byte> destination, out int read)
    {
        read = 0;
        if ((modes & OpenModes.Read) == 0)
        {
            return FileError.EBADF;
        }

        // Fewer than asked for means the end of the file, so a read that was cut short goes on.
        FileError error = FileError.None;
        int moved = 1;
        while (error == FileError.None && moved > 0 && read < destination.Length)
        {
            error = ContentCalls.Read(fd, destination[read..], offset + read, out moved);
            read += moved;
        }

        return read > 0 ? FileError.None : error;
    }

    public override FileError Write(long offset, ReadOnlySpan<byte> source, out int written)
    {
        written = 0;
        FileError error = Reserve(offset, source.Length, out int length);
        if (error != FileError.None || length == 0)
        {
            return error;
        }

        error = ContentCalls.Write(fd, source[..length], offset, out written);
        tree.Refund(length - written);
        return error;
    }

    public override FileError Sync(bool isDataOnly) => tree.IsReadOnly ? FileError.None : ContentCalls.Sync(fd, isDataOnly);

    public override FileError Allocate(long offset, long length, int mode)
    {
        if (!IsWritable)
        {
            return FileError.EBADF;
        }

        const int Punch = LibC.FALLOC_FL_PUNCH_HOLE | LibC.FALLOC_FL_KEEP_SIZE;
        if (mode is not (0 or LibC.FALLOC_FL_KEEP_SIZE or Punch or LibC.FALLOC_FL_ZERO_RANGE or (LibC.FALLOC_FL_ZERO_RANGE | LibC.FALLOC_FL_KEEP_SIZE)))
        {
            return FileError.EOPNOTSUPP;
        }

        if (mode == Punch)
        {
            return ContentCalls.Allocate(fd, mode, offset, length);
        }

        if (length > tree.MaxFileSize - offset)
        {
            return FileError.EFBIG;
        }

        if (!tree.TryCharge(length))
        {
            return FileError.ENOSPC;
        }

        FileError error = ContentCalls.Allocate(fd, mode, offset, length);
        if (error != FileError.None)
        {
            tree.Refund(length);
        }

        return error;
    }

    public override FileError Seek(long offset, bool isHole, out long found) => ContentCalls.Seek(fd, offset, isHole ? LibC.SEEK_HOLE : LibC.SEEK_DATA, out found);

    public override void Close()
    {
        if (!fd.IsClosed)
        {
            fd.Dispose();
            tree.Release(1);
        }
    }

    public FileError Resize(long size) => ContentCalls.Resize(fd, size);

    /// <summary>Charges the tree for a write.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="wanted">Bytes of the write.</param>
    /// <param name="length">How many of them fit into the file; what is not written of them is to be refunded.</param>
    private FileError Reserve(long offset, int wanted, out int length)
    {
        length = (int)long.Clamp(tree.MaxFileSize - offset, 0, wanted);
        return !IsWritable ? FileError.EBADF
            : length == 0 && wanted > 0 ? FileError.EFBIG
            : tree.TryCharge(length) ? FileError.None : FileError.ENOSPC;
    }
}
