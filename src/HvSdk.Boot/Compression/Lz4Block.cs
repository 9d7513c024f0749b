using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace HvSdk.Boot;

/// <summary>How the decoding of an LZ4 block ended.</summary>
internal enum Lz4Status
{
    /// <summary>The block is decoded.</summary>
    Done,

    /// <summary>The destination is full, and the block goes on.</summary>
    DestinationFull,

    /// <summary>The block ends within a sequence.</summary>
    SourceCut,

    /// <summary>A match starts before the block does.</summary>
    BadOffset,
}

/// <summary>Decodes blocks of LZ4 (LZ4 block format description, 2022-07-31).</summary>
internal static class Lz4Block
{
    private const int LongLength = 15; // in a token: more bytes of the length follow
    private const int MinMatch = 4;
    private const int Piece = 16;

    /// <summary>Decodes a block, or as much of it as the destination takes.</summary>
    /// <param name="source">The block.</param>
    /// <param name="destination">Gets the bytes; what lies behind the written ones may be overwritten too. It is read again, as matches refer back.</param>
    /// <param name="consumed">Bytes of the block that were used.</param>
    /// <param name="written">Bytes that were made.</param>
    // A kernel's unpacking is some millions of rounds in here: worth compiling at once with all that it calls inlined, which neither the first tier
    // nor code compiled ahead of time is.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Lz4Status Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        int s = 0;
        int d = 0;
        var status = Lz4Status.Done;
        while (true)
        {
            if ((uint)s >= (uint)source.Length)
            {
                status = Lz4Status.SourceCut; // a block ends behind literals, never behind a match
                break;
            }

            int token = source[s++];
            int literals = token >>> 4;
            int match = (token & LongLength) + MinMatch;

            // Nine sequences of ten are short, and moved in pieces of fixed size, whatever their length is.
            if (literals < LongLength && source.Length - s >= Piece + sizeof(ushort) && destination.Length - d >= 3 * Piece)
            {
                source.Slice(s, Piece).CopyTo(destination.Slice(d, Piece));
                s += literals;
                d += literals;
                int near = BinaryPrimitives.ReadUInt16LittleEndian(source.Slice(s, sizeof(ushort)));
                if (match < LongLength + MinMatch && near >= Piece && near <= d)
                {
                    s += sizeof(ushort);
                    destination.Slice(d - near, Piece).CopyTo(destination.Slice(d, Piece));
                    if (match > Piece)
                    {
                        // The second piece may need bytes of the first.
                        destination.Slice(d - near + Piece, sizeof(ushort)).CopyTo(destination.Slice(d + Piece, sizeof(ushort)));
                    }

                    d += match;
                    continue;
                }
            }
            else
            {
                if (literals == LongLength && !TryReadLength(source, ref s, ref literals))
                {
                    status = Lz4Status.SourceCut;
                    break;
                }

                int room = int.Min(literals, destination.Length - d);
                if (room > source.Length - s)
                {
                    status = Lz4Status.SourceCut;
                    break;
                }

                source.Slice(s, room).CopyTo(destination[d..]);
                s += room;
                d += room;
                if (room < literals)
                {
                    status = Lz4Status.DestinationFull;
                    break;
                }

                if (s == source.Length)
                {
                    break; // the end of a good block
                }

                if (source.Length - s < sizeof(ushort))
                {
                    status = Lz4Status.SourceCut;
                    break;
                }
            }

            int offset = BinaryPrimitives.ReadUInt16LittleEndian(source.Slice(s, sizeof(ushort)));
            s += sizeof(ushort);
            if (offset == 0 || offset > d)
            {
                status = Lz4Status.BadOffset;
                break;
            }

            if (match == LongLength + MinMatch && !TryReadLength(source, ref s, ref match))
            {
                status = Lz4Status.SourceCut;
                break;
            }

            int length = int.Min(match, destination.Length - d);
            CopyMatch(destination, d, offset, length);
            d += length;
            if (length < match)
            {
                status = Lz4Status.DestinationFull;
                break;
            }
        }

        consumed = s;
        written = d;
        return status;
    }

    /// <summary>Adds the bytes of a length that does not fit its token: each 255 says that another follows.</summary>
    private static bool TryReadLength(ReadOnlySpan<byte> source, ref int s, ref int length)
    {
        while ((uint)s < (uint)source.Length)
        {
            byte more = source[s++];
            length += more;
            if (length > int.MaxValue / 2)
            {
                length = int.MaxValue / 2; // longer than any destination; the sum must not wrap around
            }

            if (more != byte.MaxValue)
            {
                return true;
            }
        }

        return false;
    }

    private static void CopyMatch(Span<byte> destination, int d, int offset, int length)
    {
        if (offset >= length)
        {
            destination.Slice(d - offset, length).CopyTo(destination[d..]);
            return;
        }

        if (offset == 1)
        {
            destination.Slice(d, length).Fill(destination[d - 1]);
            return;
        }

        // The match overlaps itself: it repeats its first bytes. Each copy doubles what can be copied at once.
        int start = d - offset;
        for (int piece = offset; length > 0; piece *= 2)
        {
            int count = int.Min(piece, length);
            destination.Slice(start, count).CopyTo(destination[d..]);
            d += count;
            length -= count;
        }
    }
}
