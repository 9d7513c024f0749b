using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HvSdk.Emulation;

/// <summary>What vector instructions ask of the control registers, and their operands (Intel SDM vol. 2A, 2.4; vol. 3A, 2.5 and 14).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Checks that an SSE or AVX instruction may be executed, and sees to it that the state is there.</summary>
    internal static bool UseVector(Core c, ref TMachine m, in Op op)
    {
        X64CpuState s = c.State;
        if (op.IsVex)
        {
            if (!c.IsProtected || c.IsVirtual8086 || (s.Cr4 & X64Cr4.OsXsave) == 0)
            {
                return c.Undefined();
            }

            EnsureVector(c, ref m);
            if ((s.Xcr0 & 6) != 6)
            {
                return c.Undefined();
            }
        }
        else if ((s.Cr0 & X64Cr0.Emulation) != 0 || (s.Cr4 & X64Cr4.OsFxsr) == 0)
        {
            return c.Undefined();
        }

        if ((s.Cr0 & FlagBits.Cr0TaskSwitched) != 0)
        {
            return c.Raise(Vectors.DeviceNotAvailable);
        }

        EnsureVector(c, ref m);
        return true;
    }

    /// <summary>The same for MMX, which a waiting x87 exception stops (vol. 3A, table 2-3 and 13.1).</summary>
    internal static bool UseMmx(Core c, ref TMachine m)
    {
        X64CpuState s = c.State;
        if ((s.Cr0 & X64Cr0.Emulation) != 0)
        {
            return c.Undefined();
        }

        if ((s.Cr0 & FlagBits.Cr0TaskSwitched) != 0)
        {
            return c.Raise(Vectors.DeviceNotAvailable);
        }

        EnsureVector(c, ref m);
        return CheckX87Error(c);
    }

    /// <summary>The same for x87.</summary>
    internal static bool UseX87(Core c, ref TMachine m, bool waits)
    {
        if ((c.State.Cr0 & (X64Cr0.Emulation | FlagBits.Cr0TaskSwitched)) != 0)
        {
            return c.Raise(Vectors.DeviceNotAvailable);
        }

        EnsureVector(c, ref m);
        return !waits || CheckX87Error(c);
    }

    /// <summary>An unmasked x87 exception that waits is reported here. Without CR0.NE it would go over the board's interrupt lines.</summary>
    private static bool CheckX87Error(Core c)
    {
        if ((c.X87Status & 0x80) == 0)
        {
            return true;
        }

        return (c.State.Cr0 & X64Cr0.NumericError) != 0 ? c.Raise(16) : c.Unsupported();
    }

    internal static void EnsureVector(Core c, ref TMachine m)
    {
        if (!c.HasVector)
        {
            NeedVector(c, ref m);
            c.PrepareVector();
        }
    }

    /// <summary>Reads the last operand of a vector instruction: a register, or memory of so many bytes, the rest 0.</summary>
    private static bool LoadVector(Core c, ref TMachine m, in Op op, OperandKind kind, int register, int size, bool aligned, out Vector256<byte> value)
    {
        if (kind == OperandKind.Vector)
        {
            value = size > 16 ? c.Ymm(register) : c.Xmm(register).ToVector256();
            return true;
        }

        value = default;
        ulong offset = Offset(c, op);
        if (size <= 8)
        {
            if (!Read(c, ref m, op.Segment, offset, size, out ulong small))
            {
                return false;
            }

            value = Vector256.CreateScalar(small).AsByte();
            return true;
        }

        if (aligned && !CheckVectorAlignment(c, op, offset, size))
        {
            return false;
        }

        return ReadBlock(c, ref m, op.Segment, offset, MemoryMarshal.AsBytes(new Span<Vector256<byte>>(ref value))[..size]);
    }

    private static bool StoreVector(Core c, ref TMachine m, in Op op, int size, bool aligned, Vector256<byte> value)
    {
        ulong offset = Offset(c, op);
        if (size <= 8)
        {
            return Write(c, ref m, op.Segment, offset, size, value.AsUInt64().ToScalar() & Sizes.Mask(size));
        }

        return (!aligned || CheckVectorAlignment(c, op, offset, size))
            && WriteBlock(c, ref m, op.Segment, offset, MemoryMarshal.AsBytes(new ReadOnlySpan<Vector256<byte>>(in value))[..size]);
    }

    /// <summary>Aligned forms raise #GP, whatever the segment, on a linear address that is not.</summary>
    private static bool CheckVectorAlignment(Core c, in Op op, ulong offset, int size)
    {
        if (((c.Views[op.Segment].Base + offset) & (ulong)(size - 1)) == 0)
        {
            return true;
        }

        return (c.Mxcsr & VectorLayout.MxcsrMisaligned) != 0 ? c.Unsupported() : c.GeneralProtection();
    }

    /// <summary>Writes operand 0, a vector register. A VEX form clears what lies above its size, another leaves it.</summary>
    private static void SetVector0(Core c, in Op op, Vector256<byte> value)
    {
        c.SetXmm(op.Reg0, value.GetLower());
        if (op.IsVex)
        {
            c.SetYmmHigh(op.Reg0, op.Size > 16 ? value.GetUpper() : default);
        }
    }

    private static void SetVector0(Core c, in Op op, Vector128<byte> value)
    {
        c.SetXmm(op.Reg0, value);
        if (op.IsVex)
        {
            c.SetYmmHigh(op.Reg0, default);
        }
    }

    private static Vector128<byte> WithLow(Vector128<byte> target, ulong value, int size)
    {
        ulong mask = Sizes.Mask(size);
        return target.AsUInt64().WithElement(0, (target.AsUInt64().ToScalar() & ~mask) | (value & mask)).AsByte();
    }

    private static Vector128<byte> WithHigh(Vector128<byte> target, ulong value) => target.AsUInt64().WithElement(1, value).AsByte();
}
