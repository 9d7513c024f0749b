using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HvSdk.Emulation;

/// <summary>The functions behind the tables.</summary>
internal static partial class VectorOperations
{
    private static Vector128<ulong> Low32 => Vector128.Create(0xFFFF_FFFFUL);

    private static Vector128<byte> And(Vector128<byte> a, Vector128<byte> b, int immediate) => a & b;

    private static Vector128<byte> AndNot(Vector128<byte> a, Vector128<byte> b, int immediate) => ~a & b;

    private static Vector128<byte> Or(Vector128<byte> a, Vector128<byte> b, int immediate) => a | b;

    private static Vector128<byte> Xor(Vector128<byte> a, Vector128<byte> b, int immediate) => a ^ b;

    private static Vector128<byte> Words(Vector128<byte> a, Vector128<byte> b, Func<int, int, int> operation)
    {
        Vector128<short> result = default;
        for (int i = 0; i < 8; i++)
        {
            result = result.WithElement(i, (short)operation(a.AsInt16().GetElement(i), b.AsInt16().GetElement(i)));
        }

        return result.AsByte();
    }

    private static Vector128<byte> Doublewords(Vector128<byte> a, Vector128<byte> b, Func<int, int, int> operation)
    {
        Vector128<int> result = default;
        for (int i = 0; i < 4; i++)
        {
            result = result.WithElement(i, operation(a.AsInt32().GetElement(i), b.AsInt32().GetElement(i)));
        }

        return result.AsByte();
    }

    private static Vector128<byte> Quadwords(Vector128<byte> a, Vector128<byte> b, Func<ulong, ulong, ulong> operation) =>
        Vector128.Create(
            operation(a.AsUInt64().GetElement(0), b.AsUInt64().GetElement(0)),
            operation(a.AsUInt64().GetElement(1), b.AsUInt64().GetElement(1))).AsByte();

    private static Vector128<byte> MultiplyAddWords(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        Vector128<int> result = default;
        for (int i = 0; i < 4; i++)
        {
            int low = a.AsInt16().GetElement(i * 2) * b.AsInt16().GetElement(i * 2);
            int high = a.AsInt16().GetElement((i * 2) + 1) * b.AsInt16().GetElement((i * 2) + 1);
            result = result.WithElement(i, unchecked(low + high));
        }

        return result.AsByte();
    }

    /// <summary>Bytes of the first are unsigned, of the second signed.</summary>
    private static Vector128<byte> MultiplyAddBytes(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        Vector128<short> result = default;
        for (int i = 0; i < 8; i++)
        {
            int low = a.GetElement(i * 2) * b.AsSByte().GetElement(i * 2);
            int high = a.GetElement((i * 2) + 1) * b.AsSByte().GetElement((i * 2) + 1);
            result = result.WithElement(i, Saturate(low + high));
        }

        return result.AsByte();
    }

    private static short Saturate(int value) => (short)Math.Clamp(value, short.MinValue, short.MaxValue);

    private static Vector128<byte> SumDifferences(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        ulong low = 0;
        ulong high = 0;
        for (int i = 0; i < 8; i++)
        {
            low += (ulong)Math.Abs(a.GetElement(i) - b.GetElement(i));
            high += (ulong)Math.Abs(a.GetElement(i + 8) - b.GetElement(i + 8));
        }

        return Vector128.Create(low, high).AsByte();
    }

    /// <summary>The first with the sign of the second applied, or 0 where the second is.</summary>
    private static Vector128<byte> Sign<T>(Vector128<T> a, Vector128<T> b)
        where T : struct, INumber<T>
    {
        Vector128<T> negative = Vector128.LessThan(b, Vector128<T>.Zero);
        Vector128<T> zero = Vector128.Equals(b, Vector128<T>.Zero);
        return Vector128.AndNot(Vector128.ConditionalSelect(negative, Vector128<T>.Zero - a, a), zero).AsByte();
    }

    private static Vector128<byte> HorizontalAddWords(Vector128<byte> a, Vector128<byte> b, int immediate) => HorizontalWords(a, b, static (x, y) => x + y);

    private static Vector128<byte> HorizontalAddSaturated(Vector128<byte> a, Vector128<byte> b, int immediate) => HorizontalWords(a, b, static (x, y) => Saturate(x + y));

    private static Vector128<byte> HorizontalSubtractWords(Vector128<byte> a, Vector128<byte> b, int immediate) => HorizontalWords(a, b, static (x, y) => x - y);

    private static Vector128<byte> HorizontalSubtractSaturated(Vector128<byte> a, Vector128<byte> b, int immediate) => HorizontalWords(a, b, static (x, y) => Saturate(x - y));

    private static Vector128<byte> HorizontalAddDoublewords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        (EvenDoublewords(a, b).AsInt32() + OddDoublewords(a, b).AsInt32()).AsByte();

    private static Vector128<byte> HorizontalSubtractDoublewords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        (EvenDoublewords(a, b).AsInt32() - OddDoublewords(a, b).AsInt32()).AsByte();

    private static Vector128<byte> EvenDoublewords(Vector128<byte> a, Vector128<byte> b) =>
        InterleaveQuadwords(ShuffleDoublewords(a, 0b10_00_10_00), ShuffleDoublewords(b, 0b10_00_10_00), 0);

    private static Vector128<byte> OddDoublewords(Vector128<byte> a, Vector128<byte> b) =>
        InterleaveQuadwords(ShuffleDoublewords(a, 0b11_01_11_01), ShuffleDoublewords(b, 0b11_01_11_01), 0);

    private static Vector128<byte> HorizontalWords(Vector128<byte> a, Vector128<byte> b, Func<int, int, int> operation)
    {
        Vector128<short> result = default;
        for (int i = 0; i < 4; i++)
        {
            result = result
                .WithElement(i, (short)operation(a.AsInt16().GetElement(i * 2), a.AsInt16().GetElement((i * 2) + 1)))
                .WithElement(i + 4, (short)operation(b.AsInt16().GetElement(i * 2), b.AsInt16().GetElement((i * 2) + 1)));
        }

        return result.AsByte();
    }

    private static Vector128<byte> InterleaveBytes(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        (Vector128.WidenLower(a) | Vector128.ShiftLeft(Vector128.WidenLower(b), 8)).AsByte();

    private static Vector128<byte> InterleaveWords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        (Vector128.WidenLower(a.AsUInt16()) | Vector128.ShiftLeft(Vector128.WidenLower(b.AsUInt16()), 16)).AsByte();

    private static Vector128<byte> InterleaveDoublewords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        (Vector128.WidenLower(a.AsUInt32()) | Vector128.ShiftLeft(Vector128.WidenLower(b.AsUInt32()), 32)).AsByte();

    private static Vector128<byte> InterleaveQuadwords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.Create(a.AsUInt64().ToScalar(), b.AsUInt64().ToScalar()).AsByte();

    /// <summary>The same with the high halves.</summary>
    private static VectorBinary High(VectorBinary operation) => (a, b, immediate) =>
        operation(Vector128.Create(a.GetUpper(), a.GetUpper()), Vector128.Create(b.GetUpper(), b.GetUpper()), immediate);

    /// <summary>The same with the high 4 bytes of an MMX register.</summary>
    private static VectorBinary HighOfMmx(VectorBinary operation) => (a, b, immediate) =>
        operation(Vector128.ShiftRightLogical(a.AsUInt64(), 32).AsByte(), Vector128.ShiftRightLogical(b.AsUInt64(), 32).AsByte(), immediate);

    /// <summary>For MMX, where the result has parts of both: both as one first source.</summary>
    private static VectorBinary Joined(VectorBinary operation) => (a, b, immediate) => operation(InterleaveQuadwords(a, b, 0), default, immediate);

    private static Vector128<byte> PackSignedWords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.NarrowWithSaturation(a.AsInt16(), b.AsInt16()).AsByte();

    private static Vector128<byte> PackSignedDoublewords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.NarrowWithSaturation(a.AsInt32(), b.AsInt32()).AsByte();

    private static Vector128<byte> PackUnsignedWords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.Narrow(
            Vector128.Clamp(a.AsInt16(), default, Vector128.Create((short)0xFF)).AsUInt16(),
            Vector128.Clamp(b.AsInt16(), default, Vector128.Create((short)0xFF)).AsUInt16());

    private static Vector128<byte> PackUnsignedDoublewords(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.Narrow(
            Vector128.Clamp(a.AsInt32(), default, Vector128.Create(0xFFFF)).AsUInt32(),
            Vector128.Clamp(b.AsInt32(), default, Vector128.Create(0xFFFF)).AsUInt32()).AsByte();

    /// <summary>Bytes from a position on, of the second and then the first source; 0 behind them.</summary>
    private static Vector128<byte> Align(Vector128<byte> a, Vector128<byte> b, int count, int size)
    {
        count = (byte)count;
        Span<byte> both = stackalloc byte[48];
        both.Clear();
        b.CopyTo(both);
        a.CopyTo(both[size..]);
        return count > 2 * size ? default : Vector128.Create<byte>(both.Slice(Math.Min(count, 32), 16));
    }

    private static Vector128<byte> Blend(Vector128<byte> a, Vector128<byte> b, int mask, int element)
    {
        for (int i = 0; i < 16; i++)
        {
            if ((mask & (1 << (i / element))) != 0)
            {
                a = a.WithElement(i, b.GetElement(i));
            }
        }

        return a;
    }

    private static Vector256<byte> Blend(Vector256<byte> a, Vector256<byte> b, int mask, int element) =>
        Vector256.Create(Blend(a.GetLower(), b.GetLower(), mask, element), Blend(a.GetUpper(), b.GetUpper(), mask >> (16 / element), element));

    private static Vector128<byte> ShuffleDoublewords(Vector128<byte> a, int order) =>
        Vector128.Shuffle(a.AsUInt32(), Vector128.Create((uint)order & 3, (uint)(order >> 2) & 3, (uint)(order >> 4) & 3, (uint)(order >> 6) & 3)).AsByte();

    private static Vector128<byte> ShuffleWords(Vector128<byte> a, int order, int first)
    {
        Vector128<ushort> result = a.AsUInt16();
        for (int i = 0; i < 4; i++)
        {
            result = result.WithElement(first + i, a.AsUInt16().GetElement(first + ((order >> (i * 2)) & 3)));
        }

        return result.AsByte();
    }

    private static Vector128<byte> FindSmallest(Vector128<byte> a)
    {
        int best = 0;
        for (int i = 1; i < 8; i++)
        {
            if (a.AsUInt16().GetElement(i) < a.AsUInt16().GetElement(best))
            {
                best = i;
            }
        }

        return Vector128.CreateScalar(a.AsUInt16().GetElement(best) | ((uint)best << 16)).AsByte();
    }

    private static Vector128<byte> Half(Vector256<byte> a, Vector256<byte> b, int order) => (order & 0xB) switch
    {
        0 => a.GetLower(),
        1 => a.GetUpper(),
        2 => b.GetLower(),
        3 => b.GetUpper(),
        _ => default,
    };

    internal static Vector128<byte> PermuteSingles(Vector128<byte> a, int order) => ShuffleDoublewords(a, order);

    internal static Vector256<byte> PermuteDoubles(Vector256<byte> first, Vector256<byte> a, int order) =>
        PermuteQuadwords(a, (order & 1) | ((order & 2) << 1) | (((order & 4) | 8) << 2) | (((order & 8) | 16) << 3));

    private static Vector256<byte> PermuteQuadwords(Vector256<byte> a, int order) =>
        Vector256.Create(
            a.AsUInt64().GetElement(order & 3),
            a.AsUInt64().GetElement((order >> 2) & 3),
            a.AsUInt64().GetElement((order >> 4) & 3),
            a.AsUInt64().GetElement((order >> 6) & 3)).AsByte();

    private static Vector256<byte> PermuteDoublewords(Vector256<byte> order, Vector256<byte> a)
    {
        Vector256<uint> result = default;
        for (int i = 0; i < 8; i++)
        {
            result = result.WithElement(i, a.AsUInt32().GetElement((int)order.AsUInt32().GetElement(i) & 7));
        }

        return result.AsByte();
    }

    private static Vector256<byte> Zero(Vector128<byte> a, int from, int to) => Widen(a, from, to, signed: false);

    private static Vector256<byte> Sign(Vector128<byte> a, int from, int to) => Widen(a, from, to, signed: true);

    private static Vector256<byte> Widen(Vector128<byte> a, int from, int to, bool signed)
    {
        Vector256<byte> result = default;
        Span<byte> target = MemoryMarshal.AsBytes(new Span<Vector256<byte>>(ref result));
        for (int i = 0; i * to < 32; i++)
        {
            ulong value = from switch
            {
                1 => a.GetElement(i),
                2 => a.AsUInt16().GetElement(i),
                _ => a.AsUInt32().GetElement(i),
            };
            if (signed)
            {
                value = Sizes.SignExtend(value, from);
            }

            MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value))[..to].CopyTo(target[(i * to)..]);
        }

        return result;
    }
}
