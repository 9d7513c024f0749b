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
        if (!IsWritable)
        {
            return FileError.EBADF;
        }

        long room = tree.MaxFileSize - offset;
        if (room <= 0)
        {
            return source.IsEmpty ? FileError.None : FileError.EFBIG;
        }

        ReadOnlySpan<byte> fitting = source[..(int)long.Min(room, source.Length)];
        if (!tree.TryCharge(fitting.Length))
        {
            return FileError.ENOSPC;
        }

        FileError error = ContentCalls.Write(fd, fitting, offset, out written);
        tree.Refund(fitting.Length - written);
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
}
