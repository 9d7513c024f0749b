using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvSdk.Backends;

/// <summary>Writes to guest memory as a processor does them: what it would write at once is written at once, since other vCPUs look. For backends that emulate instructions.</summary>
public static class GuestBytes
{
    private static readonly Lock s_gate = new();

    /// <summary>Writes bytes: 1, 2, 4 or 8 at once, others one after the other.</summary>
    /// <param name="target">Guest memory, as long as the data.</param>
    /// <param name="data">The bytes.</param>
    /// <exception cref="ArgumentException">The two differ in length.</exception>
    public static void Write(Span<byte> target, ReadOnlySpan<byte> data)
    {
        if (target.Length != data.Length)
        {
            throw new ArgumentException($"{data.Length} bytes were given for {target.Length}.", nameof(data));
        }

        ref byte first = ref MemoryMarshal.GetReference(target);
        switch (data.Length)
        {
            case 2:
                Unsafe.WriteUnaligned(ref first, MemoryMarshal.Read<ushort>(data));
                break;
            case 4:
                Unsafe.WriteUnaligned(ref first, MemoryMarshal.Read<uint>(data));
                break;
            case 8:
                Unsafe.WriteUnaligned(ref first, MemoryMarshal.Read<ulong>(data));
                break;
            default:
                data.CopyTo(target);
                break;
        }
    }

    /// <summary>
    /// Compares memory with a value and, where they are equal, writes another. Atomic for 1, 2, 4 and 8 aligned bytes; misaligned, or 16 bytes, which .NET
    /// has no instruction for, it is atomic only against other calls of this method in the process.
    /// </summary>
    /// <param name="target">Guest memory: 1, 2, 4, 8 or 16 bytes.</param>
    /// <param name="expected">The value to compare with.</param>
    /// <param name="desired">The value to write.</param>
    /// <returns>What was there before: <paramref name="expected"/> where the write was done.</returns>
    /// <exception cref="ArgumentException">There is another number of bytes.</exception>
    public static UInt128 CompareExchange(Span<byte> target, UInt128 expected, UInt128 desired)
    {
        ref byte first = ref MemoryMarshal.GetReference(target);
        switch (target.Length)
        {
            case 1:
                return Interlocked.CompareExchange(ref first, (byte)desired, (byte)expected);
            case 2 when IsAligned(ref first, 2):
                return Interlocked.CompareExchange(ref Unsafe.As<byte, ushort>(ref first), (ushort)desired, (ushort)expected);
            case 4 when IsAligned(ref first, 4):
                return Interlocked.CompareExchange(ref Unsafe.As<byte, uint>(ref first), (uint)desired, (uint)expected);
            case 8 when IsAligned(ref first, 8):
                return Interlocked.CompareExchange(ref Unsafe.As<byte, ulong>(ref first), (ulong)desired, (ulong)expected);
            case 2 or 4 or 8 or 16:
                return CompareExchangeInParts(target, expected, desired);
            default:
                throw new ArgumentException($"{target.Length} bytes were given; 1, 2, 4, 8 or 16 can be compared.", nameof(target));
        }
    }

    // SAFETY: nothing is read or written through the pointer. Guest memory does not move.
    private static unsafe bool IsAligned(ref byte target, nuint size) => ((nuint)Unsafe.AsPointer(ref target) & (size - 1)) == 0;

    private static UInt128 CompareExchangeInParts(Span<byte> target, UInt128 expected, UInt128 desired)
    {
        lock (s_gate)
        {
            UInt128 found = 0;
            target.CopyTo(MemoryMarshal.AsBytes(new Span<UInt128>(ref found)));
            if (found == expected)
            {
                MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in desired))[..target.Length].CopyTo(target);
            }

            return found;
        }
    }
}
