using System.Buffers.Binary;

namespace HvSdk.Emulation;

/// <summary>XCHG XADD CMPXCHG CMPXCHG8B CMPXCHG16B (Intel SDM vol. 1, 7.3.1.2; vol. 3A, 8.1).</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool ExchangeRegisters(Core c, ref TMachine m, in Op op)
    {
        ulong a = Register0(c, op);
        ulong b = (c.Gpr[op.Reg1] >> op.Shift1) & op.Mask;
        SetRegister0(c, op, b);
        SetSource(c, op, a);
        return true;
    }

    /// <summary>Writes operand 1, a register of operand 0's size.</summary>
    private static void SetSource(Core c, in Op op, ulong value)
    {
        ref ulong register = ref c.Gpr[op.Reg1];
        register = op.Size switch
        {
            1 => (register & ~(0xFFUL << op.Shift1)) | ((value & 0xFF) << op.Shift1),
            2 => (register & ~0xFFFFUL) | (ushort)value,
            4 => (uint)value,
            _ => value,
        };
    }

    /// <summary>With memory the exchange is locked whether or not the prefix is there.</summary>
    internal static bool ExchangeMemory(Core c, ref TMachine m, in Op op)
    {
        while (true)
        {
            if (!LoadForWrite0(c, ref m, op, out ulong a))
            {
                return false;
            }

            if (ReplaceLocked(c, ref m, op, a, (c.Gpr[op.Reg1] >> op.Shift1) & op.Mask, out bool again))
            {
                SetSource(c, op, a);
                return true;
            }

            if (!again)
            {
                return false;
            }
        }
    }

    internal static bool ExchangeAdd(Core c, ref TMachine m, in Op op)
    {
        while (true)
        {
            if (!LoadForWrite0(c, ref m, op, out ulong a))
            {
                return false;
            }

            ulong b = (c.Gpr[op.Reg1] >> op.Shift1) & op.Mask;
            ulong flags = c.State.Flags;
            ulong sum = AddWithFlags(a, b, 0, op.Mask, op.SignShift, ref flags);
            if (op.Kind0 == OperandKind.Register)
            {
                SetSource(c, op, a);
                SetRegister0(c, op, sum);
                c.State.Flags = flags;
                return true;
            }

            if (Replace0(c, ref m, op, a, sum, out bool again))
            {
                SetSource(c, op, a);
                c.State.Flags = flags;
                return true;
            }

            if (!again)
            {
                return false;
            }
        }
    }

    /// <summary>The destination is written in either case: with what was there where it differs.</summary>
    internal static bool CompareExchange(Core c, ref TMachine m, in Op op)
    {
        while (true)
        {
            if (!LoadForWrite0(c, ref m, op, out ulong a))
            {
                return false;
            }

            ulong accumulator = c.Gpr[RegisterIndex.Rax] & op.Mask;
            bool equal = accumulator == a;
            ulong value = equal ? (c.Gpr[op.Reg1] >> op.Shift1) & op.Mask : a;
            bool again = false;

            // Memory is written in either case; a register that stays keeps its upper half too (AMD; Intel's SDM leaves it open).
            bool stays = !equal && op.Kind0 != OperandKind.Memory;
            if (stays || Replace0(c, ref m, op, a, value, out again))
            {
                SubtractWithFlags(accumulator, a, 0, op.Mask, op.SignShift, ref c.State.Flags);
                if (!equal)
                {
                    SetRegister(c, RegisterIndex.Rax, op.Size, a);
                }

                return true;
            }

            if (!again)
            {
                return false;
            }
        }
    }

    internal static bool CompareExchange8(Core c, ref TMachine m, in Op op)
    {
        while (true)
        {
            if (!LoadForWrite0(c, ref m, op, out ulong a))
            {
                return false;
            }

            ulong expected = (uint)c.Gpr[RegisterIndex.Rax] | (c.Gpr[RegisterIndex.Rdx] << 32);
            ulong wanted = (uint)c.Gpr[RegisterIndex.Rbx] | (c.Gpr[RegisterIndex.Rcx] << 32);
            bool equal = a == expected;
            if (Replace0(c, ref m, op, a, equal ? wanted : a, out bool again))
            {
                c.State.Flags = (c.State.Flags & ~FlagBits.Z) | (equal ? FlagBits.Z : 0);
                if (!equal)
                {
                    SetRegister(c, RegisterIndex.Rax, 4, (uint)a);
                    SetRegister(c, RegisterIndex.Rdx, 4, a >> 32);
                }

                return true;
            }

            if (!again)
            {
                return false;
            }
        }
    }

    internal static bool CompareExchange16(Core c, ref TMachine m, in Op op)
    {
        ulong offset = Offset(c, op);
        if (!Linear(c, op.Segment, offset, 16, AccessKind.Write, out ulong linear))
        {
            return false;
        }

        if ((linear & 15) != 0)
        {
            return c.GeneralProtection();
        }

        if (!Translate(c, ref m, linear, AccessKind.Write, system: false, out ulong gpa))
        {
            return false;
        }

        UInt128 expected = new(c.Gpr[RegisterIndex.Rdx], c.Gpr[RegisterIndex.Rax]);
        UInt128 wanted = new(c.Gpr[RegisterIndex.Rcx], c.Gpr[RegisterIndex.Rbx]);
        if (m.TryCompareExchange(gpa, 16, expected, wanted, out UInt128 found))
        {
            c.Touch(gpa, 16);
        }
        else if (!CompareExchange16Outside(c, ref m, gpa, expected, wanted, out found))
        {
            return false;
        }

        bool equal = found == expected;
        c.State.Flags = (c.State.Flags & ~FlagBits.Z) | (equal ? FlagBits.Z : 0);
        if (!equal)
        {
            c.Gpr[RegisterIndex.Rax] = (ulong)found;
            c.Gpr[RegisterIndex.Rdx] = (ulong)(found >> 64);
        }

        return true;
    }

    /// <summary>Of MMIO and read-only memory: two reads and two writes of 8 bytes.</summary>
    private static bool CompareExchange16Outside(Core c, ref TMachine m, ulong gpa, UInt128 expected, UInt128 wanted, out UInt128 found)
    {
        found = 0;
        c.LogsRam = true;
        if (!ReadPhysical(c, ref m, gpa, 8, out ulong low) || !ReadPhysical(c, ref m, gpa + 8, 8, out ulong high))
        {
            return false;
        }

        found = new(high, low);
        UInt128 value = found == expected ? wanted : found;
        return WritePhysical(c, ref m, gpa, 8, (ulong)value) && WritePhysical(c, ref m, gpa + 8, 8, (ulong)(value >> 64));
    }
}
