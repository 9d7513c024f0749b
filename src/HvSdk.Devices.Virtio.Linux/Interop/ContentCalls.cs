namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>Calls on the content of files, with errors as values. One that a signal has cut short is made again.</summary>
internal static class ContentCalls
{
    internal static FileError Read(SafeFd fd, Span<byte> destination, long offset, out int read)
    {
        nint result;
        do
        {
            result = LibC.pread(fd, destination, (nuint)destination.Length, offset);
        }
        while (result < 0 && SafeFd.LastError == LibC.EINTR);
        read = (int)nint.Max(result, 0);
        return FileCalls.Check(result);
    }

    internal static FileError Write(SafeFd fd, ReadOnlySpan<byte> source, long offset, out int written)
    {
        nint result;
        do
        {
            result = LibC.pwrite(fd, source, (nuint)source.Length, offset);
        }
        while (result < 0 && SafeFd.LastError == LibC.EINTR);
        written = (int)nint.Max(result, 0);
        return FileCalls.Check(result);
    }

    internal static FileError Read(SafeFd fd, ReadOnlySpan<HostRange> pieces, long offset, out int read)
    {
        nint result;
        do
        {
            result = LibC.preadv(fd, pieces, pieces.Length, offset);
        }
        while (result < 0 && SafeFd.LastError == LibC.EINTR);
        read = (int)nint.Max(result, 0);
        return FileCalls.Check(result);
    }

    internal static FileError Write(SafeFd fd, ReadOnlySpan<HostRange> pieces, long offset, out int written)
    {
        nint result;
        do
        {
            result = LibC.pwritev(fd, pieces, pieces.Length, offset);
        }
        while (result < 0 && SafeFd.LastError == LibC.EINTR);
        written = (int)nint.Max(result, 0);
        return FileCalls.Check(result);
    }

    internal static FileError Resize(SafeFd fd, long size) => FileCalls.Check(LibC.ftruncate(fd, size));

    internal static FileError Allocate(SafeFd fd, int mode, long offset, long length) => FileCalls.Check(LibC.fallocate(fd, mode, offset, length));

    internal static FileError Sync(SafeFd fd, bool isDataOnly) => FileCalls.Check(isDataOnly ? LibC.fdatasync(fd) : LibC.fsync(fd));

    internal static FileError Seek(SafeFd fd, long offset, int whence, out long found)
    {
        found = LibC.lseek(fd, offset, whence);
        return FileCalls.Check((nint)found);
    }
}
