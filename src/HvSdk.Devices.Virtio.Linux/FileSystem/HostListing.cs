using System.Buffers.Binary;
using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>One directory that is being listed. Positions are those of the host's file system.</summary>
internal sealed class HostListing(HostNode directory, SafeFd fd) : IDisposable
{
    private const int BufferSize = 1 << 15;

    // struct linux_dirent64
    private const int NextOffset = 8;
    private const int LengthOffset = 16;
    private const int KindOffset = 18;
    private const int NameOffset = 19;
    private const int MaxKind = (int)NodeKind.Socket;
    private const int MaxName = 255;

    private readonly byte[] _buffer = new byte[BufferSize];
    private int _start;
    private int _end;
    private ulong _position;

    public HostNode Directory => directory;

    /// <summary>The last entry was given.</summary>
    public bool HasEnded { get; private set; }

    public FileError List(ulong position, DirectoryWriter writer)
    {
        // A listing from the start is a fresh one.
        if (position != _position || position == 0)
        {
            FileError error = Seek(position);
            if (error != FileError.None)
            {
                return error;
            }
        }

        while (true)
        {
            if (_start >= _end)
            {
                FileError error = Fill();
                if (error != FileError.None || HasEnded)
                {
                    return error;
                }
            }

            ReadOnlySpan<byte> entry = _buffer.AsSpan(_start, BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(_start + LengthOffset)));
            if (!Write(entry, writer))
            {
                return FileError.None;
            }

            _start += entry.Length;
            _position = BinaryPrimitives.ReadUInt64LittleEndian(entry[NextOffset..]);
        }
    }

    public void Dispose() => fd.Dispose();

    private static bool Write(ReadOnlySpan<byte> entry, DirectoryWriter writer)
    {
        ReadOnlySpan<byte> name = entry[NameOffset..];
        name = name[..name.IndexOf((byte)0)];
        if (name.SequenceEqual("."u8) || name.SequenceEqual(".."u8) || name.Length is 0 or > MaxName)
        {
            return true; // the dots are the server's, and longer names the protocol cannot have
        }

        byte kind = entry[KindOffset];
        return writer.TryAdd(
            name,
            kind <= MaxKind ? (NodeKind)kind : NodeKind.Unknown,
            BinaryPrimitives.ReadUInt64LittleEndian(entry),
            BinaryPrimitives.ReadUInt64LittleEndian(entry[NextOffset..]));
    }

    private FileError Seek(ulong position)
    {
        _start = 0;
        _end = 0;
        HasEnded = false;
        _position = position;
        return position > long.MaxValue ? FileError.EINVAL : ContentCalls.Seek(fd, (long)position, LibC.SEEK_SET, out _);
    }

    private FileError Fill()
    {
        nint length = LibC.getdents64(fd, _buffer, BufferSize);
        _start = 0;
        _end = (int)nint.Max(length, 0);
        HasEnded = length == 0;
        return FileCalls.Check(length);
    }
}
