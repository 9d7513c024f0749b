using System.Numerics;
using System.Runtime.CompilerServices;

namespace HvSdk.Emulation;

/// <summary>Operands of instructions: registers, memory, the stack, and the flags that most results set.</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>The offset of the memory operand in its segment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Offset(Core c, in Op op)
    {
        ulong[] gpr = c.Gpr;
        return (gpr[op.Base] + (gpr[op.Index] << op.Scale) + op.Displacement) & op.AddressMask;
    }

    /// <summary>Operand 0, a register or an immediate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Register0(Core c, in Op op) => (c.Gpr[op.Reg0] >> op.Shift0) & op.Mask;

    /// <summary>Operand 1, a register or an immediate, in the size of operand 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Source(Core c, in Op op) => ((c.Gpr[op.Reg1] >> op.Shift1) + op.Immediate) & op.Mask;

    /// <summary>Writes operand 0, a register; 32-bit results clear the upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void SetRegister0(Core c, in Op op, ulong value)
    {
        ref ulong register = ref c.Gpr[op.Reg0];
        register = (register & op.Keep) | ((value & op.Mask) << op.Shift0);
    }

    /// <summary>Writes a whole register of a size; 32-bit results clear the upper half.</summary>
    internal static void SetRegister(Core c, int register, int size, ulong value)
    {
        ref ulong target = ref c.Gpr[register];
        target = size switch
        {
            1 => (target & ~0xFFUL) | (byte)value,
            2 => (target & ~0xFFFFUL) | (ushort)value,
            4 => (uint)value,
            _ => value,
        };
    }

    /// <summary>Reads operand 0.</summary>
    internal static bool Load0(Core c, ref TMachine m, in Op op, out ulong value)
    {
        if (op.Kind0 == OperandKind.Memory)
        {
            return Read(c, ref m, op.Segment, Offset(c, op), op.Size, out value);
        }

        value = op.Kind0 == OperandKind.Immediate ? op.Immediate & op.Mask : Register0(c, op);
        return true;
    }

    /// <summary>Reads operand 1 in its own size.</summary>
    internal static bool Load1(Core c, ref TMachine m, in Op op, out ulong value)
    {
        if (op.Kind1 == OperandKind.Memory)
        {
            return Read(c, ref m, op.Segment, Offset(c, op), op.Size1, out value);
        }

        value = op.Kind1 == OperandKind.Immediate ? op.Immediate : (c.Gpr[op.Reg1] >> op.Shift1) & Sizes.Mask(op.Size1);
        return true;
    }

    /// <summary>Reads operand 0 of an instruction that writes it too.</summary>
    internal static bool LoadForWrite0(Core c, ref TMachine m, in Op op, out ulong value)
    {
        if (op.Kind0 == OperandKind.Memory)
        {
            return ReadForWrite(c, ref m, op.Segment, Offset(c, op), op.Size, out value);
        }

        value = Register0(c, op);
        return true;
    }

    /// <summary>Writes operand 0.</summary>
    internal static bool Store0(Core c, ref TMachine m, in Op op, ulong value)
    {
        if (op.Kind0 == OperandKind.Memory)
        {
            return Write(c, ref m, op.Segment, Offset(c, op), op.Size, value);
        }

        SetRegister0(c, op, value);
        return true;
    }

    /// <summary>Replaces operand 0 after it was read: under LOCK only where it still has that value.</summary>
    /// <returns>False where the instruction did not complete, or where <paramref name="again"/> says that another vCPU was faster.</returns>
    internal static bool Replace0(Core c, ref TMachine m, in Op op, ulong old, ulong value, out bool again)
    {
        again = false;
        if (op.Kind0 != OperandKind.Memory)
        {
            SetRegister0(c, op, value);
            return true;
        }

        return op.HasLock ? ReplaceLocked(c, ref m, op, old, value, out again) : Write(c, ref m, op.Segment, Offset(c, op), op.Size, value);
    }

    internal static bool ReplaceLocked(Core c, ref TMachine m, in Op op, ulong old, ulong value, out bool again)
    {
        again = false;
        ulong offset = Offset(c, op);
        if (!Linear(c, op.Segment, offset, op.Size, AccessKind.Write, out ulong linear))
        {
            return false;
        }

        // A locked access across pages is split: no host can do it at once.
        if ((linear & PageMask) + op.Size <= PageSize && !c.LogsRam)
        {
            if (!Translate(c, ref m, linear, AccessKind.Write, system: false, out ulong gpa))
            {
                return false;
            }

            if (m.TryCompareExchange(gpa, op.Size, old, value & op.Mask, out UInt128 found))
            {
                c.Touch(gpa, op.Size);
                again = (ulong)found != old;
                return !again;
            }
        }

        return Write(c, ref m, op.Segment, offset, op.Size, value);
    }

    /// <summary>Pushes a value; the stack pointer changes only where that worked.</summary>
    internal static bool Push(Core c, ref TMachine m, int size, ulong value)
    {
        ulong pointer = c.Gpr[RegisterIndex.Rsp];
        ulong next = (pointer - (ulong)size) & c.StackMask;
        if (!Write(c, ref m, SegmentIndex.Ss, next, size, value & Sizes.Mask(size)))
        {
            return false;
        }

        c.Gpr[RegisterIndex.Rsp] = (pointer & ~c.StackMask) | next;
        return true;
    }

    /// <summary>Reads what a pop would give; <see cref="MoveStack"/> completes it.</summary>
    internal static bool Peek(Core c, ref TMachine m, int size, int offset, out ulong value) =>
        Read(c, ref m, SegmentIndex.Ss, (c.Gpr[RegisterIndex.Rsp] + (ulong)offset) & c.StackMask, size, out value);

    /// <summary>Adds to the stack pointer, in the size that the stack has.</summary>
    internal static void MoveStack(Core c, long change)
    {
        ulong pointer = c.Gpr[RegisterIndex.Rsp];
        c.Gpr[RegisterIndex.Rsp] = (pointer & ~c.StackMask) | ((pointer + (ulong)change) & c.StackMask);
    }

    /// <summary>Sets the arithmetic flags.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void SetFlags(Core c, ulong flags)
    {
        X64CpuState s = c.State;
        s.Flags = (s.Flags & ~FlagBits.Arithmetic) | flags;
    }

    /// <summary>Sign, zero and parity of a result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong ResultFlags(ulong result, int signShift) =>
        (result == 0 ? FlagBits.Z : 0) | (((result >> signShift) & 1) << 7) | Parity(result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Parity(ulong result) => (~(ulong)(uint)BitOperations.PopCount((byte)result) & 1) << 2;
}
