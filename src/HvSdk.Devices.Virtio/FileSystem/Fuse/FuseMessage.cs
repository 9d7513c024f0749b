using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio;

/// <summary>One request and the answer to it, in a chain (virtio 1.2, 5.11.6.1): header, arguments, names or data; then room for header, answer, data.</summary>
internal sealed class FuseMessage
{
    private readonly byte[] _text = new byte[FuseName.MaxTargetLength + 1 + FuseName.MaxLength + 1];
    private int _position;
    private int _textStart;
    private int _textEnd;
    private bool _hasText;

    public DescriptorChain Chain { get; private set; } = null!;

    public FuseRequestHeader Header { get; private set; }

    /// <summary>Bytes of the answer behind its header.</summary>
    public int AnswerLength { get; set; }

    /// <summary>Room for an answer behind its header.</summary>
    public int Room => (int)long.Clamp(Chain.WritableLength - FuseAnswerHeader.Size, 0, int.MaxValue);

    /// <summary>Bytes of the request that were not taken yet.</summary>
    public long Left => Chain.ReadableLength - _position;

    /// <summary>Where the bytes start that were not taken yet.</summary>
    public int Position => _position;

    /// <summary>The first name or text that was taken.</summary>
    public ReadOnlySpan<byte> FirstText => _text.AsSpan(0, int.Max(0, _text.AsSpan(0, _hasText ? _textEnd : 0).IndexOf((byte)0)));

    public static void Store<T>(Span<byte> destination, in T value)
        where T : unmanaged
        => MemoryMarshal.Write(destination, in value);

    /// <summary>Takes the header; false where there is none.</summary>
    public bool TryBegin(DescriptorChain chain)
    {
        Chain = chain;
        AnswerLength = 0;
        _position = 0;
        _hasText = false;
        bool isThere = TryTake(out FuseRequestHeader header);
        Header = header;
        return isThere;
    }

    /// <summary>Takes a structure of arguments; what is longer in later versions of the protocol is not our business.</summary>
    public bool TryTake<T>(out T value)
        where T : unmanaged
    {
        if (!Chain.TryRead(_position, out value))
        {
            return false;
        }

        _position += SizeOf<T>();
        return true;
    }

    /// <summary>Takes a name, checked.</summary>
    public FileError TakeName(out ReadOnlySpan<byte> name)
    {
        FileError error = TakeText(out name);
        return error != FileError.None ? error : FuseName.Check(name);
    }

    /// <summary>Takes bytes up to a NUL.</summary>
    public FileError TakeText(out ReadOnlySpan<byte> text)
    {
        text = default;
        if (!_hasText)
        {
            if (Left > _text.Length)
            {
                return FileError.ENAMETOOLONG;
            }

            // Read once: what was checked is what is used.
            _hasText = true;
            _textStart = 0;
            _textEnd = Chain.Read(_position, _text.AsSpan(0, (int)Left));
        }

        int length = _text.AsSpan(_textStart, _textEnd - _textStart).IndexOf((byte)0);
        if (length < 0)
        {
            return FileError.EINVAL;
        }

        text = _text.AsSpan(_textStart, length);
        _textStart += length + 1;
        return FileError.None;
    }

    public bool HasRoomFor<T>()
        where T : unmanaged
        => Room >= SizeOf<T>();

    public FileError Answer<T>(in T answer)
        where T : unmanaged
    {
        if (!Chain.TryWrite(FuseAnswerHeader.Size, answer))
        {
            return FileError.EINVAL;
        }

        AnswerLength = SizeOf<T>();
        return FileError.None;
    }

    /// <summary>Writes the header of the answer.</summary>
    /// <returns>Bytes of the whole answer.</returns>
    public long Finish(FileError error)
    {
        int number = (int)error;
        if (number is < 0 or > FuseServer.MaxError)
        {
            number = (int)FileError.EIO;
        }

        int length = FuseAnswerHeader.Size + (number == 0 ? AnswerLength : 0);
        return Chain.TryWrite(0, new FuseAnswerHeader((uint)length, -number, Header.Unique)) ? length : 0;
    }

    private static int SizeOf<T>()
        where T : unmanaged
    {
        T value = default;
        return MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).Length;
    }
}
