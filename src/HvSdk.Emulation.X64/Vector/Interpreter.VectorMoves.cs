using System.Runtime.Intrinsics;

namespace HvSdk.Emulation;

/// <summary>Moves between vector registers, general registers and memory (Intel SDM vol. 1, 10.4.1, 11.4.1 and 14.1).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>MOVUPS and its kind: whole registers.</summary>
    internal static bool MoveVector(Core c, ref TMachine m, in Op op, bool aligned)
    {
        if (!UseVector(c, ref m, op))
        {
            return false;
        }

        if (op.Kind0 == OperandKind.Memory)
        {
            return StoreVector(c, ref m, op, op.Size, aligned, c.Ymm(op.Reg1));
        }

        if (!LoadVector(c, ref m, op, op.Kind1, op.Reg1, op.Size, aligned, out Vector256<byte> value))
        {
            return false;
        }

        SetVector0(c, op, value);
        return true;
    }

    /// <summary>MOVD and MOVQ: the low bytes, the rest becomes 0.</summary>
    internal static bool MoveLow(Core c, ref TMachine m, in Op op, int size)
    {
        bool isMmx = op.Kind0 == OperandKind.Mmx || op.Kind1 == OperandKind.Mmx;
        if (!(isMmx ? UseMmx(c, ref m) : UseVector(c, ref m, op)))
        {
            return false;
        }

        ulong value;
        switch (op.Kind1)
        {
            case OperandKind.Memory:
                if (!Read(c, ref m, op.Segment, Offset(c, op), size, out value))
                {
                    return false;
                }

                break;
            case OperandKind.Vector:
                value = c.Xmm(op.Reg1).AsUInt64().ToScalar();
                break;
            case OperandKind.Mmx:
                value = c.Mm(op.Reg1);
                break;
            default:
                value = c.Gpr[op.Reg1];
                break;
        }

        value &= Sizes.Mask(size);
        switch (op.Kind0)
        {
            case OperandKind.Memory:
                if (!Write(c, ref m, op.Segment, Offset(c, op), size, value))
                {
                    return false;
                }

                break;
            case OperandKind.Vector:
                SetVector0(c, op, Vector128.CreateScalar(value).AsByte());
                break;
            case OperandKind.Mmx:
                c.SetMm(op.Reg0, value);
                break;
            default:
                c.Gpr[op.Reg0] = value;
                break;
        }

        if (isMmx)
        {
            c.EnterMmx();
        }

        return true;
    }

    /// <summary>MOVSS and MOVSD: from memory the rest becomes 0, between registers it stays that of the first source.</summary>
    internal static bool MoveScalar(Core c, ref TMachine m, in Op op, int size)
    {
        if (!UseVector(c, ref m, op))
        {
            return false;
        }

        if (op.Kind0 == OperandKind.Memory)
        {
            return StoreVector(c, ref m, op, size, aligned: false, c.Xmm(op.Reg1).ToVector256());
        }

        if (op.Kind1 == OperandKind.Memory)
        {
            if (!LoadVector(c, ref m, op, OperandKind.Memory, 0, size, aligned: false, out Vector256<byte> loaded))
            {
                return false;
            }

            SetVector0(c, op, loaded.GetLower());
            return true;
        }

        bool three = op.Kind2 == OperandKind.Vector;
        ulong low = c.Xmm(three ? op.Reg2 : op.Reg1).AsUInt64().ToScalar();
        SetVector0(c, op, WithLow(c.Xmm(three ? op.Reg1 : op.Reg0), low, size));
        return true;
    }

    /// <summary>MOVLPS, MOVHPS and their double forms: one half of a register and memory.</summary>
    internal static bool MoveHalf(Core c, ref TMachine m, in Op op, bool high)
    {
        if (!UseVector(c, ref m, op))
        {
            return false;
        }

        if (op.Kind0 == OperandKind.Memory)
        {
            Vector128<ulong> source = c.Xmm(op.Reg1).AsUInt64();
            return Write(c, ref m, op.Segment, Offset(c, op), 8, source.GetElement(high ? 1 : 0));
        }

        if (!Read(c, ref m, op.Segment, Offset(c, op), 8, out ulong value))
        {
            return false;
        }

        Vector128<byte> other = c.Xmm(op.Kind2 == OperandKind.Memory ? op.Reg1 : op.Reg0);
        SetVector0(c, op, high ? WithHigh(other, value) : WithLow(other, value, 8));
        return true;
    }

    /// <summary>MOVHLPS and MOVLHPS.</summary>
    internal static bool MoveHalfAcross(Core c, ref TMachine m, in Op op, bool toHigh)
    {
        if (!UseVector(c, ref m, op))
        {
            return false;
        }

        bool three = op.Kind2 == OperandKind.Vector;
        Vector128<byte> first = c.Xmm(three ? op.Reg1 : op.Reg0);
        Vector128<ulong> source = c.Xmm(three ? op.Reg2 : op.Reg1).AsUInt64();
        SetVector0(c, op, toHigh ? WithHigh(first, source.GetElement(0)) : WithLow(first, source.GetElement(1), 8));
        return true;
    }

    /// <summary>MOVNTI: a store of a general register.</summary>
    internal static bool StoreInteger(Core c, ref TMachine m, in Op op) => Write(c, ref m, op.Segment, Offset(c, op), op.Size, Source(c, op));

    /// <summary>MOVNTQ.</summary>
    internal static bool StoreMmx(Core c, ref TMachine m, in Op op)
    {
        if (!UseMmx(c, ref m) || !Write(c, ref m, op.Segment, Offset(c, op), 8, c.Mm(op.Reg1)))
        {
            return false;
        }

        c.EnterMmx();
        return true;
    }

    /// <summary>MOVQ2DQ and MOVDQ2Q.</summary>
    internal static bool MoveMmxVector(Core c, ref TMachine m, in Op op)
    {
        if (!UseVector(c, ref m, op) || !UseMmx(c, ref m))
        {
            return false;
        }

        if (op.Kind0 == OperandKind.Mmx)
        {
            c.SetMm(op.Reg0, c.Xmm(op.Reg1).AsUInt64().ToScalar());
            return true;
        }

        SetVector0(c, op, Vector128.CreateScalar(c.Mm(op.Reg1)).AsByte());
        c.EnterMmx();
        return true;
    }

    /// <summary>MASKMOVDQU and MASKMOVQ: the bytes whose mask has bit 7 go to [rDI]. Without any, nothing is accessed.</summary>
    internal static bool StoreMasked(Core c, ref TMachine m, in Op op)
    {
        bool isMmx = op.Kind1 == OperandKind.Mmx;
        if (!(isMmx ? UseMmx(c, ref m) : UseVector(c, ref m, op)))
        {
            return false;
        }

        Vector128<byte> data = isMmx ? Vector128.CreateScalar(c.Mm(op.Reg1)).AsByte() : c.Xmm(op.Reg1);
        Vector128<byte> mask = isMmx ? Vector128.CreateScalar(c.Mm(op.Reg2)).AsByte() : c.Xmm(op.Reg2);
        ulong start = c.Gpr[RegisterIndex.Rdi];
        if (!StoreElements(c, ref m, op, start, Vector256.Create(data, default), mask.ExtractMostSignificantBits(), 1))
        {
            return false;
        }

        if (isMmx)
        {
            c.EnterMmx();
        }

        return true;
    }

    /// <summary>VMASKMOV and VPMASKMOV: elements whose mask has its highest bit. Others neither fault nor are accessed; loaded they are 0.</summary>
    internal static bool MoveMasked(Core c, ref TMachine m, in Op op, int element)
    {
        if (!UseVector(c, ref m, op))
        {
            return false;
        }

        bool store = op.Kind0 == OperandKind.Memory;
        Vector256<byte> mask = op.Size > 16 ? c.Ymm(op.Reg1) : c.Xmm(op.Reg1).ToVector256();
        uint bits = element == 4 ? mask.AsUInt32().ExtractMostSignificantBits() : mask.AsUInt64().ExtractMostSignificantBits();
        ulong offset = Offset(c, op);
        if (store)
        {
            return StoreElements(c, ref m, op, offset, c.Ymm(op.Reg2), bits, element);
        }

        Vector256<byte> result = default;
        c.LogsRam = true;
        for (int i = 0; i < op.Size / element; i++)
        {
            if ((bits & (1U << i)) == 0)
            {
                continue;
            }

            if (!Read(c, ref m, op.Segment, (offset + (ulong)(i * element)) & op.AddressMask, element, out ulong value))
            {
                return false;
            }

            result = element == 4
                ? result.AsUInt32().WithElement(i, (uint)value).AsByte()
                : result.AsUInt64().WithElement(i, value).AsByte();
        }

        // What was read in parts is in the log, which must be cleared behind the instruction.
        c.Attention = true;
        SetVector0(c, op, result);
        return true;
    }

    /// <summary>Stores elements by a mask; all of them are looked at before the first is written.</summary>
    private static bool StoreElements(Core c, ref TMachine m, in Op op, ulong start, Vector256<byte> data, uint bits, int element)
    {
        for (uint left = bits; left != 0; left &= left - 1)
        {
            int i = System.Numerics.BitOperations.TrailingZeroCount(left);
            if (!Probe(c, ref m, op.Segment, (start + (ulong)(i * element)) & op.AddressMask, element))
            {
                return false;
            }
        }

        c.LogsRam = true;
        c.Attention = true;
        for (uint left = bits; left != 0; left &= left - 1)
        {
            int i = System.Numerics.BitOperations.TrailingZeroCount(left);
            ulong value = element switch
            {
                1 => data.GetElement(i),
                4 => data.AsUInt32().GetElement(i),
                _ => data.AsUInt64().GetElement(i),
            };
            if (!Write(c, ref m, op.Segment, (start + (ulong)(i * element)) & op.AddressMask, element, value))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>VBROADCAST and VPBROADCAST.</summary>
    internal static bool Broadcast(Core c, ref TMachine m, in Op op, int element)
    {
        if (!UseVector(c, ref m, op) || !LoadVector(c, ref m, op, op.Kind1, op.Reg1, element, aligned: false, out Vector256<byte> value))
        {
            return false;
        }

        SetVector0(c, op, element switch
        {
            1 => Vector256.Create(value.ToScalar()),
            2 => Vector256.Create(value.AsUInt16().ToScalar()).AsByte(),
            4 => Vector256.Create(value.AsUInt32().ToScalar()).AsByte(),
            8 => Vector256.Create(value.AsUInt64().ToScalar()).AsByte(),
            _ => Vector256.Create(value.GetLower(), value.GetLower()),
        });
        return true;
    }

    /// <summary>VINSERTF128 and VINSERTI128.</summary>
    internal static bool InsertHalf(Core c, ref TMachine m, in Op op)
    {
        if (!UseVector(c, ref m, op) || !LoadVector(c, ref m, op, op.Kind2, op.Reg2, 16, aligned: false, out Vector256<byte> value))
        {
            return false;
        }

        Vector256<byte> first = c.Ymm(op.Reg1);
        SetVector0(c, op, (op.Immediate & 1) == 0 ? first.WithLower(value.GetLower()) : first.WithUpper(value.GetLower()));
        return true;
    }

    /// <summary>VEXTRACTF128 and VEXTRACTI128.</summary>
    internal static bool ExtractHalf(Core c, ref TMachine m, in Op op)
    {
        if (!UseVector(c, ref m, op))
        {
            return false;
        }

        Vector128<byte> half = (op.Immediate & 1) == 0 ? c.Xmm(op.Reg1) : c.YmmHigh(op.Reg1);
        if (op.Kind0 == OperandKind.Memory)
        {
            return StoreVector(c, ref m, op, 16, aligned: false, half.ToVector256());
        }

        SetVector0(c, op, half);
        return true;
    }

    /// <summary>VZEROUPPER and VZEROALL, of the registers that the mode has.</summary>
    internal static bool ZeroRegisters(Core c, ref TMachine m, in Op op, bool all)
    {
        if (!UseVector(c, ref m, op))
        {
            return false;
        }

        for (int i = 0; i < (c.Is64 ? 16 : 8); i++)
        {
            c.SetYmmHigh(i, default);
            if (all)
            {
                c.SetXmm(i, default);
            }
        }

        return true;
    }

    internal static bool LoadMxcsr(Core c, ref TMachine m, in Op op)
    {
        if (!UseVector(c, ref m, op) || !Read(c, ref m, op.Segment, Offset(c, op), 4, out ulong value))
        {
            return false;
        }

        if ((value & ~(ulong)c.MxcsrBits) != 0)
        {
            return c.GeneralProtection();
        }

        c.Mxcsr = (uint)value;
        return true;
    }

    internal static bool StoreMxcsr(Core c, ref TMachine m, in Op op) =>
        UseVector(c, ref m, op) && Write(c, ref m, op.Segment, Offset(c, op), 4, c.Mxcsr);
}
