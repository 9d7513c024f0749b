using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace HvSdk;

/// <summary>Between a file and pieces of memory on hosts without a call for many pieces: small pieces go through a buffer, where each would be a call.</summary>
internal static class FilePieces
{
    // A call for a piece of this length costs no more than the copy.
    private const int SmallLength = 1 << 15;
    private const int BufferLength = 1 << 18;

    /// <summary>Reads into the first pieces.</summary>
    /// <returns>How many bytes; 0 at the file's end.</returns>
    internal static long Read(SafeFileHandle file, long offset, ReadOnlySpan<HostRange> pieces)
    {
        if (pieces.Length == 1 || pieces[0].Length >= SmallLength)
        {
            return RandomAccess.Read(file, SpanOf(pieces[0]), offset);
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            int count = RandomAccess.Read(file, buffer.AsSpan(0, (int)long.Min(BufferLength, TotalOf(pieces))), offset);
            ReadOnlySpan<byte> rest = buffer.AsSpan(0, count);
            for (int i = 0; !rest.IsEmpty; i++)
            {
                Span<byte> piece = SpanOf(pieces[i]);
                int part = int.Min(piece.Length, rest.Length);
                rest[..part].CopyTo(piece);
                rest = rest[part..];
            }

            return count;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Writes the first pieces.</summary>
    /// <returns>How many bytes.</returns>
    internal static long Write(SafeFileHandle file, long offset, ReadOnlySpan<HostRange> pieces)
    {
        if (pieces.Length == 1 || pieces[0].Length >= SmallLength)
        {
            ReadOnlySpan<byte> first = SpanOf(pieces[0]);
            RandomAccess.Write(file, first, offset);
            return first.Length;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            int count = (int)long.Min(BufferLength, TotalOf(pieces));
            Span<byte> rest = buffer.AsSpan(0, count);
            for (int i = 0; !rest.IsEmpty; i++)
            {
                ReadOnlySpan<byte> piece = SpanOf(pieces[i]);
                int part = int.Min(piece.Length, rest.Length);
                piece[..part].CopyTo(rest);
                rest = rest[part..];
            }

            RandomAccess.Write(file, buffer.AsSpan(0, count), offset);
            return count;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // The core's views hold the memory for as long as they make calls with its pieces. A piece of 2 GiB or more goes in parts.
    private static Span<byte> SpanOf(HostRange piece) => GuestPointer.SpanAt(piece.Start, 0, (int)long.Min(piece.Length, Array.MaxLength));

    private static long TotalOf(ReadOnlySpan<HostRange> pieces)
    {
        long total = 0;
        foreach (HostRange piece in pieces)
        {
            total += piece.Length;
        }

        return total;
    }
}
