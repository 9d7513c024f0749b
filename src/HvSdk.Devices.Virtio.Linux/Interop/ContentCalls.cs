namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>Calls on the content of files, with errors as values. One that a signal has cut short is made again.</summary>
internal static class ContentCalls
{
    internal static FileError Read(SafeFd fd, Span<byte> destination, long offset, out int read) =>
        Move(fd, destination, offset, static (fd, bytes, offset) => LibC.pread(fd, bytes, (nuint)bytes.Length, offset), out read);

    internal static FileError Read(SafeFd fd, ReadOnlySpan<HostRange> pieces, long offset, out int read) =>
        Move(fd, pieces, offset, static (fd, pieces, offset) => LibC.preadv(fd, pieces, pieces.Length, offset), out read);

    internal static FileError Write(SafeFd fd, ReadOnlySpan<byte> source, long offset, out int written) =>
        Move(fd, source, offset, static (fd, bytes, offset) => LibC.pwrite(fd, bytes, (nuint)bytes.Length, offset), out written);

    internal static FileError Write(SafeFd fd, ReadOnlySpan<HostRange> pieces, long offset, out int written) =>
        Move(fd, pieces, offset, static (fd, pieces, offset) => LibC.pwritev(fd, pieces, pieces.Length, offset), out written);

    internal static FileError Resize(SafeFd fd, long size) => FileCalls.Check(LibC.ftruncate(fd, size));

    internal static FileError Allocate(SafeFd fd, int mode, long offset, long length) => FileCalls.Check(LibC.fallocate(fd, mode, offset, length));

    internal static FileError Sync(SafeFd fd, bool isDataOnly) => FileCalls.Check(isDataOnly ? LibC.fdatasync(fd) : LibC.fsync(fd));

    internal static FileError Seek(SafeFd fd, long offset, int whence, out long found)
    {
        found = LibC.lseek(fd, offset, whence);
        return FileCalls.Check((nint)found);
    }

    private static FileError Move<T>(SafeFd fd, T memory, long offset, MoveCall<T> call, out int moved)
        where T : allows ref struct
    {
        nint result;
        do
        {
            result = call(fd, memory, offset);
        }
        while (result < 0 && SafeFd.LastError == LibC.EINTR);
        moved = (int)nint.Max(result, 0);
        return FileCalls.Check(result);
    }

    private delegate nint MoveCall<T>(SafeFd fd, T memory, long offset)
        where T : allows ref struct;
}
