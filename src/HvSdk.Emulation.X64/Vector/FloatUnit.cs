using System.Numerics;

namespace HvSdk.Emulation;

/// <summary>An operation on two elements.</summary>
/// <typeparam name="T">Single or double.</typeparam>
/// <param name="a">The first.</param>
/// <param name="b">The second.</param>
/// <param name="immediate">The immediate.</param>
/// <param name="result">The result.</param>
/// <param name="inexact">Set where the result was rounded.</param>
/// <returns>False where the processor would do more than round to nearest: that is left to the caller.</returns>
internal delegate bool FloatOperation<T>(T a, T b, int immediate, out T result, ref bool inexact);

/// <summary>Arithmetic that is surely right: numbers that are normal or zero, rounded to nearest, of the flags only "inexact" (Intel SDM vol. 1, 4.8 and 11.5).</summary>
/// <remarks>NaN, infinity, denormal numbers, overflow, underflow and division by zero are refused. Whether a result was rounded is found exactly, by the error term of each operation.</remarks>
/// <typeparam name="T">Single or double.</typeparam>
internal static class FloatUnit<T>
    where T : struct, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Above this an error term, twice as precise as the number, is itself no denormal number.</summary>
    private static readonly T s_tiny = T.ScaleB(T.One, typeof(T) == typeof(float) ? -70 : -900);

    /// <summary>Bytes of a number.</summary>
    internal static int Size { get; } = typeof(T) == typeof(float) ? 4 : 8;

    /// <summary>A number that arithmetic takes.</summary>
    internal static bool IsPlain(T value) => T.IsNormal(value) || T.IsZero(value);

    /// <summary>A number that has an order: infinity as well.</summary>
    internal static bool IsOrdered(T value) => IsPlain(value) || T.IsInfinity(value);

    private static bool IsTiny(T value) => !T.IsZero(value) && T.Abs(value) < s_tiny;

    internal static bool Add(T a, T b, int immediate, out T result, ref bool inexact)
    {
        result = a + b;
        if (!IsPlain(a) || !IsPlain(b) || !IsPlain(result))
        {
            return false;
        }

        T second = result - a;
        T error = (a - (result - second)) + (b - second);
        inexact |= !T.IsZero(error);
        return true;
    }

    internal static bool Subtract(T a, T b, int immediate, out T result, ref bool inexact)
    {
        if (!T.IsZero(b))
        {
            return Add(a, -b, immediate, out result, ref inexact);
        }

        result = a - b;
        return IsPlain(a);
    }

    internal static bool Multiply(T a, T b, int immediate, out T result, ref bool inexact)
    {
        result = a * b;
        if (!IsPlain(a) || !IsPlain(b) || !IsPlain(result) || IsTiny(result) || (T.IsZero(result) && !T.IsZero(a) && !T.IsZero(b)))
        {
            return false;
        }

        inexact |= !T.IsZero(T.FusedMultiplyAdd(a, b, -result));
        return true;
    }

    internal static bool Divide(T a, T b, int immediate, out T result, ref bool inexact)
    {
        result = a / b;
        if (!IsPlain(a) || !T.IsNormal(b) || !IsPlain(result) || IsTiny(a) || IsTiny(result) || (T.IsZero(result) && !T.IsZero(a)))
        {
            return false;
        }

        inexact |= !T.IsZero(a) && !T.IsZero(T.FusedMultiplyAdd(result, b, -a));
        return true;
    }

    internal static bool SquareRoot(T a, T b, int immediate, out T result, ref bool inexact)
    {
        result = T.Sqrt(b);
        if (!IsPlain(b) || (T.IsNegative(b) && !T.IsZero(b)) || IsTiny(b))
        {
            return false;
        }

        inexact |= !T.IsZero(b) && !T.IsZero(T.FusedMultiplyAdd(result, result, -b));
        return true;
    }

    /// <summary>Of equal numbers, zeros of both signs, the second comes out.</summary>
    internal static bool Minimum(T a, T b, int immediate, out T result, ref bool inexact)
    {
        result = a < b ? a : b;
        return IsOrdered(a) && IsOrdered(b);
    }

    internal static bool Maximum(T a, T b, int immediate, out T result, ref bool inexact)
    {
        result = a > b ? a : b;
        return IsOrdered(a) && IsOrdered(b);
    }

    /// <summary>The predicate's bit 4 is about NaN alone.</summary>
    internal static bool Compare(T a, T b, int predicate, out T result, ref bool inexact)
    {
        bool isTrue = (predicate & 15) switch
        {
            0 or 8 => a == b,
            1 or 9 => a < b,
            2 or 10 => a <= b,
            3 or 11 => false,
            4 or 12 => a != b,
            5 or 13 => a >= b,
            6 or 14 => a > b,
            _ => true,
        };
        result = isTrue ? T.AllBitsSet : T.Zero;
        return IsOrdered(a) && IsOrdered(b);
    }
}
