using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <content>All the buffers of a request by one call: a guest's request of 1 MiB is in 256 pages.</content>
internal sealed partial class HostFile
{
    public override FileError Read(long offset, WritableBuffers destination, out int read)
    {
        read = 0;
        if ((modes & OpenModes.Read) == 0)
        {
            return FileError.EBADF;
        }

        FileError error = FileError.None;
        if (destination.TryAccessAll(new Call(fd, offset, ref error, ref read), static (pieces, call) => call.Read(pieces))
            && (error != FileError.None || read == 0 || read == destination.Length))
        {
            return error;
        }

        // In too many pieces, or cut short: by the end of the file, which another try sees, or by a signal.
        error = base.Read(offset + read, destination.Slice(read, destination.Length - read), out int more);
        read += more;
        return read > 0 ? FileError.None : error;
    }

    public override FileError Write(long offset, ReadableBuffers source, out int written)
    {
        written = 0;
        FileError error = Reserve(offset, source.Length, out int length);
        if (error != FileError.None || length == 0)
        {
            return error;
        }

        ReadableBuffers fitting = source.Slice(0, length);
        bool isCalled = fitting.TryAccessAll(new Call(fd, offset, ref error, ref written), static (pieces, call) => call.Write(pieces));
        tree.Refund(length - written);
        return isCalled ? error : base.Write(offset, fitting, out written);
    }

    private readonly ref struct Call(SafeFd fd, long offset, ref FileError error, ref int moved)
    {
        private readonly ref FileError _error = ref error;
        private readonly ref int _moved = ref moved;

        public void Read(ReadOnlySpan<HostRange> pieces) => _error = ContentCalls.Read(fd, pieces, offset, out _moved);

        public void Write(ReadOnlySpan<HostRange> pieces) => _error = ContentCalls.Write(fd, pieces, offset, out _moved);
    }
}
