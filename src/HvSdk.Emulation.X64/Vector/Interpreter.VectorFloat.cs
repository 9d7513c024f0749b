using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HvSdk.Emulation;

/// <summary>Floating-point arithmetic of SSE and AVX, as far as <see cref="FloatUnit{T}"/> goes; the rest is left to the caller.</summary>
internal static partial class Interpreter<TMachine>
{
    private const uint Inexact = 0x20;

    /// <summary>All exceptions masked, rounding to nearest, denormal numbers as they are.</summary>
    private static bool UseFloat(Core c, ref TMachine m, in Op op) =>
        UseVector(c, ref m, op) && ((c.Mxcsr & 0xFFC0) == VectorLayout.MxcsrReset || c.Unsupported());

    private static void NoteInexact(Core c, bool inexact)
    {
        if (inexact && (c.Mxcsr & Inexact) == 0)
        {
            c.Mxcsr |= Inexact;
        }
    }

    internal static bool FloatArithmetic<T>(Core c, ref TMachine m, in Op op, FloatOperation<T> operation, bool scalar, bool unary)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        bool three = op.Kind2 is OperandKind.Vector or OperandKind.Memory;
        int size = scalar ? FloatUnit<T>.Size : op.Size;
        if (!UseFloat(c, ref m, op)
            || !LoadVector(c, ref m, op, three ? op.Kind2 : op.Kind1, three ? op.Reg2 : op.Reg1, size, aligned: !op.IsVex, out Vector256<byte> second))
        {
            return false;
        }

        Vector256<byte> first = c.Ymm(three ? op.Reg1 : op.Reg0);
        Vector256<byte> result = first;
        ReadOnlySpan<T> a = MemoryMarshal.Cast<byte, T>(MemoryMarshal.AsBytes(new ReadOnlySpan<Vector256<byte>>(in first)));
        ReadOnlySpan<T> b = MemoryMarshal.Cast<byte, T>(MemoryMarshal.AsBytes(new ReadOnlySpan<Vector256<byte>>(in second)));
        Span<T> r = MemoryMarshal.Cast<byte, T>(MemoryMarshal.AsBytes(new Span<Vector256<byte>>(ref result)));
        int predicate = (int)op.Immediate & (op.IsVex ? 31 : 7);
        bool inexact = false;
        for (int i = 0; i < size / FloatUnit<T>.Size; i++)
        {
            if (!operation(unary ? b[i] : a[i], b[i], predicate, out r[i], ref inexact))
            {
                return c.Unsupported();
            }
        }

        NoteInexact(c, inexact);
        SetVector0(c, op, result);
        return true;
    }

    /// <summary>COMISS, UCOMISS and their double forms. Without NaN they are the same.</summary>
    internal static bool FloatOrder<T>(Core c, ref TMachine m, in Op op)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        if (!UseFloat(c, ref m, op) || !LoadVector(c, ref m, op, op.Kind1, op.Reg1, FloatUnit<T>.Size, aligned: false, out Vector256<byte> second))
        {
            return false;
        }

        T a = c.Xmm(op.Reg0).As<byte, T>().ToScalar();
        T b = second.GetLower().As<byte, T>().ToScalar();
        if (!FloatUnit<T>.IsOrdered(a) || !FloatUnit<T>.IsOrdered(b))
        {
            return c.Unsupported();
        }

        SetFlags(c, a > b ? 0 : a < b ? FlagBits.C : FlagBits.Z);
        return true;
    }

    /// <summary>CVTSI2SS and CVTSI2SD.</summary>
    internal static bool FloatFromInteger<T>(Core c, ref TMachine m, in Op op, int size)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        OperandKind kind = op.IsVex ? op.Kind2 : op.Kind1;
        ulong value = c.Gpr[op.IsVex ? op.Reg2 : op.Reg1];
        if (!UseFloat(c, ref m, op) || (kind == OperandKind.Memory && !Read(c, ref m, op.Segment, Offset(c, op), size, out value)))
        {
            return false;
        }

        long integer = (long)Sizes.SignExtend(value, size);
        T result = T.CreateChecked(integer);
        NoteInexact(c, Int128.CreateChecked(result) != integer);
        Vector128<byte> target = c.Xmm(op.IsVex ? op.Reg1 : op.Reg0);
        SetVector0(c, op, target.As<byte, T>().WithElement(0, result).As<T, byte>());
        return true;
    }

    /// <summary>CVTSS2SI, CVTTSS2SI and their double forms. What does not fit is left to the caller.</summary>
    internal static bool FloatToInteger<T>(Core c, ref TMachine m, in Op op, bool truncate)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        if (!UseFloat(c, ref m, op) || !LoadVector(c, ref m, op, op.Kind1, op.Reg1, FloatUnit<T>.Size, aligned: false, out Vector256<byte> source))
        {
            return false;
        }

        T value = source.GetLower().As<byte, T>().ToScalar();
        if (!FloatUnit<T>.IsPlain(value))
        {
            return c.Unsupported();
        }

        T rounded = truncate ? T.Truncate(value) : T.Round(value, MidpointRounding.ToEven);
        T limit = T.ScaleB(T.One, (op.Size * 8) - 1);
        if (rounded < -limit || rounded >= limit)
        {
            return c.Unsupported();
        }

        NoteInexact(c, rounded != value);
        c.Gpr[op.Reg0] = (ulong)long.CreateChecked(rounded) & op.Mask;
        return true;
    }

    /// <summary>CVTSS2SD and CVTSD2SS.</summary>
    internal static bool FloatConvert<TFrom, TTo>(Core c, ref TMachine m, in Op op)
        where TFrom : struct, IBinaryFloatingPointIeee754<TFrom>
        where TTo : struct, IBinaryFloatingPointIeee754<TTo>
    {
        if (!UseFloat(c, ref m, op)
            || !LoadVector(c, ref m, op, op.IsVex ? op.Kind2 : op.Kind1, op.IsVex ? op.Reg2 : op.Reg1, FloatUnit<TFrom>.Size, aligned: false, out Vector256<byte> source))
        {
            return false;
        }

        TFrom value = source.GetLower().As<byte, TFrom>().ToScalar();
        TTo result = TTo.CreateTruncating(value);
        if (!FloatUnit<TFrom>.IsPlain(value) || !FloatUnit<TTo>.IsPlain(result) || (TTo.IsZero(result) && !TFrom.IsZero(value)))
        {
            return c.Unsupported();
        }

        NoteInexact(c, TFrom.CreateTruncating(result) != value);
        Vector128<byte> target = c.Xmm(op.IsVex ? op.Reg1 : op.Reg0);
        SetVector0(c, op, target.As<byte, TTo>().WithElement(0, result).As<TTo, byte>());
        return true;
    }
}
