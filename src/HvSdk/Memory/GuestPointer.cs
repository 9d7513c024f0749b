using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk;

/// <summary>The one place of the core that touches guest memory through a pointer.</summary>
/// <remarks>
/// Callers have checked offset and length against the region, and the region lies within its block. The block's reference count keeps the
/// mapping alive for the length of the call, whoever disposes of it meanwhile. The guest may change the bytes at any moment: each byte is
/// read once, into memory that the guest cannot reach.
/// </remarks>
internal static unsafe class GuestPointer
{
    internal static void Read(SafeBuffer block, ulong offset, Span<byte> destination)
    {
        byte* start = null;
        try
        {
            block.AcquirePointer(ref start);

            // SAFETY: the caller has checked that offset + Length lies within the block, which AcquirePointer keeps mapped.
            new ReadOnlySpan<byte>(start + offset, destination.Length).CopyTo(destination);
        }
        finally
        {
            Release(block, start);
        }
    }

    internal static void Write(SafeBuffer block, ulong offset, ReadOnlySpan<byte> source)
    {
        byte* start = null;
        try
        {
            block.AcquirePointer(ref start);

            // SAFETY: as in Read.
            source.CopyTo(new Span<byte>(start + offset, source.Length));
        }
        finally
        {
            Release(block, start);
        }
    }

    internal static T Read<T>(SafeBuffer block, ulong offset)
        where T : unmanaged
    {
        byte* start = null;
        try
        {
            block.AcquirePointer(ref start);

            // SAFETY: as in Read, for sizeof(T) bytes; no alignment is assumed.
            return Unsafe.ReadUnaligned<T>(start + offset);
        }
        finally
        {
            Release(block, start);
        }
    }

    internal static void Write<T>(SafeBuffer block, ulong offset, in T value)
        where T : unmanaged
    {
        byte* start = null;
        try
        {
            block.AcquirePointer(ref start);

            // SAFETY: as in Read, for sizeof(T) bytes; no alignment is assumed.
            Unsafe.WriteUnaligned(start + offset, value);
        }
        finally
        {
            Release(block, start);
        }
    }

    internal static void Access<TState>(SafeBuffer block, ulong offset, int length, TState state, SpanAction<byte, TState> action)
    {
        byte* start = null;
        try
        {
            block.AcquirePointer(ref start);

            // SAFETY: as in Read; a span cannot leave the callback, so it cannot outlive the reference that is held around it.
            action(new Span<byte>(start + offset, length), state);
        }
        finally
        {
            Release(block, start);
        }
    }

    /// <summary>Keeps a region's memory alive until <see cref="SafeBuffer.ReleasePointer"/>; its first byte, or 0: the region is gone.</summary>
    internal static nint TryAcquire(MemoryRegion region)
    {
        byte* start = null;
        try
        {
            region.Block.AcquirePointer(ref start);
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }

        // SAFETY: a region lies within its block.
        return (nint)(start + region.BlockOffset);
    }

    internal static T ReadAt<T>(nint start, ulong offset)
        where T : unmanaged
    {
        // SAFETY: start is of TryAcquire and not released yet; the caller has checked that offset + sizeof(T) lies within the region.
        return Unsafe.ReadUnaligned<T>((byte*)start + offset);
    }

    internal static void WriteAt<T>(nint start, ulong offset, in T value)
        where T : unmanaged
    {
        // SAFETY: as in ReadAt.
        Unsafe.WriteUnaligned((byte*)start + offset, value);
    }

    internal static Span<byte> SpanAt(nint start, ulong offset, int length)
    {
        // SAFETY: as in ReadAt, for length bytes; the callers let the span live no longer than the hold.
        return new Span<byte>((byte*)start + offset, length);
    }

    private static void Release(SafeBuffer block, byte* start)
    {
        if (start != null)
        {
            block.ReleasePointer();
        }
    }
}
