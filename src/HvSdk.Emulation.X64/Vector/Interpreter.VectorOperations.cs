using System.Runtime.Intrinsics;

namespace HvSdk.Emulation;

/// <summary>How an operation on 16 bytes becomes the SSE, AVX and MMX forms of an instruction. AVX works on each half for itself.</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Two sources and perhaps an immediate.</summary>
    internal static bool VectorBinary(Core c, ref TMachine m, in Op op, VectorBinary operation)
    {
        bool three = op.Kind2 is OperandKind.Vector or OperandKind.Memory;
        if (!UseVector(c, ref m, op)
            || !LoadVector(c, ref m, op, three ? op.Kind2 : op.Kind1, three ? op.Reg2 : op.Reg1, SourceSize(op), aligned: !op.IsVex, out Vector256<byte> second))
        {
            return false;
        }

        int first = three ? op.Reg1 : op.Reg0;
        Vector128<byte> low = operation(c.Xmm(first), second.GetLower(), (int)op.Immediate);
        if (op.Size > 16)
        {
            SetVector0(c, op, Vector256.Create(low, operation(c.YmmHigh(first), second.GetUpper(), (int)op.Immediate)));
        }
        else
        {
            SetVector0(c, op, low);
        }

        return true;
    }

    /// <summary>One source, of the size of the result or shorter, and perhaps an immediate.</summary>
    internal static bool VectorUnary(Core c, ref TMachine m, in Op op, VectorUnary operation)
    {
        if (!UseVector(c, ref m, op) || !LoadVector(c, ref m, op, op.Kind1, op.Reg1, SourceSize(op), aligned: !op.IsVex, out Vector256<byte> source))
        {
            return false;
        }

        Vector128<byte> low = operation(source.GetLower(), (int)op.Immediate);
        if (op.Size > 16)
        {
            SetVector0(c, op, Vector256.Create(low, operation(source.GetUpper(), (int)op.Immediate)));
        }
        else
        {
            SetVector0(c, op, low);
        }

        return true;
    }

    /// <summary>One or two sources where the halves do not stand for themselves.</summary>
    internal static bool VectorWide(Core c, ref TMachine m, in Op op, VectorWide operation)
    {
        bool three = op.Kind2 is OperandKind.Vector or OperandKind.Memory;
        if (!UseVector(c, ref m, op)
            || !LoadVector(c, ref m, op, three ? op.Kind2 : op.Kind1, three ? op.Reg2 : op.Reg1, SourceSize(op), aligned: !op.IsVex, out Vector256<byte> second))
        {
            return false;
        }

        SetVector0(c, op, operation(c.Ymm(three ? op.Reg1 : op.Reg0), second, (int)op.Immediate));
        return true;
    }

    /// <summary>Widening moves: an 8 or 16 byte source gives 16 or 32 bytes.</summary>
    internal static bool VectorWiden(Core c, ref TMachine m, in Op op, VectorWiden operation)
    {
        int size = op.Kind1 == OperandKind.Memory ? op.MemorySize : 16;
        if (!UseVector(c, ref m, op) || !LoadVector(c, ref m, op, op.Kind1, op.Reg1, size, aligned: false, out Vector256<byte> source))
        {
            return false;
        }

        SetVector0(c, op, operation(source.GetLower()));
        return true;
    }

    /// <summary>Shifts: the count is 64 bits of a register or memory, or an immediate, the same for all elements.</summary>
    internal static bool VectorShift(Core c, ref TMachine m, in Op op, VectorShift operation)
    {
        if (!UseVector(c, ref m, op))
        {
            return false;
        }

        bool three = op.IsVex;
        OperandKind kind = three ? op.Kind2 : op.Kind1;
        ulong count = (byte)op.Immediate;
        if (kind != OperandKind.Immediate)
        {
            if (!LoadVector(c, ref m, op, kind, three ? op.Reg2 : op.Reg1, 16, aligned: !op.IsVex, out Vector256<byte> counts))
            {
                return false;
            }

            count = counts.AsUInt64().ToScalar();
        }

        int shift = (int)Math.Min(count, 255);
        int first = three ? op.Reg1 : op.Reg0;
        Vector128<byte> low = operation(c.Xmm(first), shift);
        if (op.Size > 16)
        {
            SetVector0(c, op, Vector256.Create(low, operation(c.YmmHigh(first), shift)));
        }
        else
        {
            SetVector0(c, op, low);
        }

        return true;
    }

    /// <summary>MMX: two sources.</summary>
    internal static bool MmxBinary(Core c, ref TMachine m, in Op op, VectorBinary operation)
    {
        if (!UseMmx(c, ref m) || !LoadMmx(c, ref m, op, out ulong second))
        {
            return false;
        }

        Vector128<byte> result = operation(Vector128.CreateScalar(c.Mm(op.Reg0)).AsByte(), Vector128.CreateScalar(second).AsByte(), (int)op.Immediate);
        c.SetMm(op.Reg0, result.AsUInt64().ToScalar());
        return true;
    }

    internal static bool MmxUnary(Core c, ref TMachine m, in Op op, VectorUnary operation)
    {
        if (!UseMmx(c, ref m) || !LoadMmx(c, ref m, op, out ulong source))
        {
            return false;
        }

        c.SetMm(op.Reg0, operation(Vector128.CreateScalar(source).AsByte(), (int)op.Immediate).AsUInt64().ToScalar());
        return true;
    }

    internal static bool MmxShift(Core c, ref TMachine m, in Op op, VectorShift operation)
    {
        ulong count = (byte)op.Immediate;
        if (!UseMmx(c, ref m) || (op.Kind1 != OperandKind.Immediate && !LoadMmx(c, ref m, op, out count)))
        {
            return false;
        }

        Vector128<byte> result = operation(Vector128.CreateScalar(c.Mm(op.Reg0)).AsByte(), (int)Math.Min(count, 255));
        c.SetMm(op.Reg0, result.AsUInt64().ToScalar());
        return true;
    }

    private static bool LoadMmx(Core c, ref TMachine m, in Op op, out ulong value)
    {
        if (op.Kind1 == OperandKind.Memory)
        {
            return Read(c, ref m, op.Segment, Offset(c, op), op.MemorySize, out value);
        }

        value = c.Mm(op.Reg1);
        return true;
    }

    private static int SourceSize(in Op op) => op.MemorySize != 0 ? op.MemorySize : op.Size;

    /// <summary>PMOVMSKB, MOVMSKPS, MOVMSKPD: the highest bit of each element.</summary>
    internal static bool ExtractMask(Core c, ref TMachine m, in Op op, int element)
    {
        bool isMmx = op.Kind1 == OperandKind.Mmx;
        if (!(isMmx ? UseMmx(c, ref m) : UseVector(c, ref m, op)))
        {
            return false;
        }

        Vector256<byte> value =
            isMmx ? Vector256.CreateScalar(c.Mm(op.Reg1)).AsByte()
            : op.Size1 > 16 ? c.Ymm(op.Reg1)
            : c.Xmm(op.Reg1).ToVector256();
        c.Gpr[op.Reg0] = element switch
        {
            1 => value.ExtractMostSignificantBits(),
            4 => value.AsUInt32().ExtractMostSignificantBits(),
            _ => value.AsUInt64().ExtractMostSignificantBits(),
        };
        if (isMmx)
        {
            c.EnterMmx();
        }

        return true;
    }

    /// <summary>PINSRB, PINSRW, PINSRD, PINSRQ.</summary>
    internal static bool InsertElement(Core c, ref TMachine m, in Op op, int element)
    {
        bool isMmx = op.Kind0 == OperandKind.Mmx;
        if (!(isMmx ? UseMmx(c, ref m) : UseVector(c, ref m, op)))
        {
            return false;
        }

        OperandKind kind = op.IsVex ? op.Kind2 : op.Kind1;
        ulong value = c.Gpr[op.IsVex ? op.Reg2 : op.Reg1];
        if (kind == OperandKind.Memory && !Read(c, ref m, op.Segment, Offset(c, op), element, out value))
        {
            return false;
        }

        if (isMmx)
        {
            int shift = (int)(op.Immediate & 3) * 16;
            c.SetMm(op.Reg0, (c.Mm(op.Reg0) & ~(0xFFFFUL << shift)) | ((ulong)(ushort)value << shift));
            return true;
        }

        Vector128<byte> first = c.Xmm(op.IsVex ? op.Reg1 : op.Reg0);
        int index = (int)op.Immediate & ((16 / element) - 1);
        SetVector0(c, op, element switch
        {
            1 => first.WithElement(index, (byte)value),
            2 => first.AsUInt16().WithElement(index, (ushort)value).AsByte(),
            4 => first.AsUInt32().WithElement(index, (uint)value).AsByte(),
            _ => first.AsUInt64().WithElement(index, value).AsByte(),
        });
        return true;
    }

    /// <summary>PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS.</summary>
    internal static bool ExtractElement(Core c, ref TMachine m, in Op op, int element)
    {
        bool isMmx = op.Kind1 == OperandKind.Mmx;
        if (!(isMmx ? UseMmx(c, ref m) : UseVector(c, ref m, op)))
        {
            return false;
        }

        if (isMmx)
        {
            c.Gpr[op.Reg0] = (ushort)(c.Mm(op.Reg1) >> ((int)(op.Immediate & 3) * 16));
            c.EnterMmx();
            return true;
        }

        Vector128<byte> source = c.Xmm(op.Reg1);
        int index = (int)op.Immediate & ((16 / element) - 1);
        ulong value = element switch
        {
            1 => source.GetElement(index),
            2 => source.AsUInt16().GetElement(index),
            4 => source.AsUInt32().GetElement(index),
            _ => source.AsUInt64().GetElement(index),
        };
        if (op.Kind0 == OperandKind.Memory)
        {
            return Write(c, ref m, op.Segment, Offset(c, op), element, value);
        }

        c.Gpr[op.Reg0] = value;
        return true;
    }

    /// <summary>PTEST, VTESTPS, VTESTPD: ZF where the second AND the first is 0, CF where the second AND NOT the first is, in the bits of a mask.</summary>
    internal static bool VectorTest(Core c, ref TMachine m, in Op op, ulong mask)
    {
        if (!UseVector(c, ref m, op) || !LoadVector(c, ref m, op, op.Kind1, op.Reg1, op.Size, aligned: !op.IsVex, out Vector256<byte> second))
        {
            return false;
        }

        Vector256<byte> bits = Vector256.Create(mask).AsByte();
        Vector256<byte> first = op.Size > 16 ? c.Ymm(op.Reg0) : c.Xmm(op.Reg0).ToVector256();
        bool zero = (first & second & bits) == Vector256<byte>.Zero;
        bool carry = (second & ~first & bits) == Vector256<byte>.Zero;
        SetFlags(c, (zero ? FlagBits.Z : 0) | (carry ? FlagBits.C : 0));
        return true;
    }

    /// <summary>BLENDVPS, PBLENDVB and the like: the mask is XMM0, or the fourth operand.</summary>
    internal static bool VectorBlend(Core c, ref TMachine m, in Op op, int element)
    {
        bool vex = op.IsVex;
        if (!UseVector(c, ref m, op)
            || !LoadVector(c, ref m, op, vex ? op.Kind2 : op.Kind1, vex ? op.Reg2 : op.Reg1, op.Size, aligned: !vex, out Vector256<byte> second))
        {
            return false;
        }

        Vector256<byte> mask = vex ? c.Ymm(op.Reg3) : c.Ymm(0);
        mask = element switch
        {
            1 => Vector256.ShiftRightArithmetic(mask.AsSByte(), 7).AsByte(),
            4 => Vector256.ShiftRightArithmetic(mask.AsInt32(), 31).AsByte(),
            _ => Vector256.ShiftRightArithmetic(mask.AsInt64(), 63).AsByte(),
        };
        SetVector0(c, op, Vector256.ConditionalSelect(mask, second, c.Ymm(vex ? op.Reg1 : op.Reg0)));
        return true;
    }
}

/// <summary>Two sources of 16 bytes and an immediate.</summary>
internal delegate Vector128<byte> VectorBinary(Vector128<byte> first, Vector128<byte> second, int immediate);

/// <summary>One source of 16 bytes and an immediate.</summary>
internal delegate Vector128<byte> VectorUnary(Vector128<byte> source, int immediate);

/// <summary>Two sources of 32 bytes and an immediate.</summary>
internal delegate Vector256<byte> VectorWide(Vector256<byte> first, Vector256<byte> second, int immediate);

/// <summary>The low bytes of a source widened to 32 bytes.</summary>
internal delegate Vector256<byte> VectorWiden(Vector128<byte> source);

/// <summary>A source of 16 bytes and a count of at most 255.</summary>
internal delegate Vector128<byte> VectorShift(Vector128<byte> source, int count);
