using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>Gives the decoder the bytes of code that were read from the guest.</summary>
internal sealed class FetchReader : CodeReader
{
    /// <summary>The longest instruction.</summary>
    internal const int MaxInstruction = 15;

    private readonly byte[] _bytes = new byte[DecodeCache.MaxBlockBytes + MaxInstruction];

    internal int Position { get; set; }

    internal int Count { get; set; }

    /// <summary>The decoder asked for a byte behind the last one.</summary>
    internal bool RanOut { get; set; }

    internal Span<byte> Buffer => _bytes;

    internal ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Count);

    public override int ReadByte()
    {
        if (Position < Count)
        {
            return _bytes[Position++];
        }

        RanOut = true;
        return -1;
    }
}
