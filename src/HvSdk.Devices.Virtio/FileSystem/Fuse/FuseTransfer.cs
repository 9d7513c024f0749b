namespace HvSdk.Devices.Virtio;

/// <summary>Moves the data of one request between a file and guest memory, piece by piece as the buffers lie.</summary>
internal sealed class FuseTransfer
{
    private OpenFile _file = null!;
    private long _offset;

    /// <summary>Bytes moved.</summary>
    public int Done { get; private set; }

    public FileError Error { get; private set; }

    /// <summary>No more can be moved.</summary>
    public bool HasEnded { get; private set; }

    public void Begin(OpenFile file, long offset)
    {
        _file = file;
        _offset = offset;
        Done = 0;
        Error = FileError.None;
        HasEnded = false;
    }

    public void Read(Span<byte> destination)
    {
        if (_offset > long.MaxValue - Done)
        {
            HasEnded = true;
            return;
        }

        FileError error = _file.Read(_offset + Done, destination, out int moved);
        Count(error, moved, destination.Length);
    }

    public void Write(ReadOnlySpan<byte> source)
    {
        FileError error = _file.Write(_offset + Done, source, out int moved);
        Count(error, moved, source.Length);
    }

    private void Count(FileError error, int moved, int length)
    {
        if (error == FileError.None && (moved < 0 || moved > length))
        {
            error = FileError.EIO; // the provider does not know what it does
        }

        Error = error;
        Done += error == FileError.None ? moved : 0;
        HasEnded = error != FileError.None || moved < length;
    }
}
