using System.Buffers.Binary;
using System.Numerics;

namespace HvSdk.Emulation;

/// <summary>Bits: BT BTS BTR BTC BSF BSR LZCNT TZCNT POPCNT BSWAP MOVBE CRC32 (Intel SDM vol. 1, 7.3.7).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>What a bit test does to the bit.</summary>
    internal interface IBitChange
    {
        static abstract bool Writes { get; }

        static abstract ulong Apply(ulong value, ulong bit);
    }

    internal readonly struct TestBit : IBitChange
    {
        public static bool Writes => false;

        public static ulong Apply(ulong value, ulong bit) => value;
    }

    internal readonly struct SetBit : IBitChange
    {
        public static bool Writes => true;

        public static ulong Apply(ulong value, ulong bit) => value | bit;
    }

    internal readonly struct ResetBit : IBitChange
    {
        public static bool Writes => true;

        public static ulong Apply(ulong value, ulong bit) => value & ~bit;
    }

    internal readonly struct ToggleBit : IBitChange
    {
        public static bool Writes => true;

        public static ulong Apply(ulong value, ulong bit) => value ^ bit;
    }

    internal static bool Bit<T>(Core c, ref TMachine m, in Op original)
        where T : struct, IBitChange
    {
        Op op = original;
        ulong number = op.Kind1 == OperandKind.Register ? c.Gpr[op.Reg1] & op.Mask : op.Immediate;
        if (op.Kind0 == OperandKind.Memory && op.Kind1 == OperandKind.Register)
        {
            // A register names any bit of memory, before and behind the operand: the operand moves to it.
            long index = (long)Sizes.SignExtend(number, op.Size);
            op.Displacement += (ulong)(index >> BitOperations.Log2((uint)op.SignShift + 1)) * op.Size;
        }

        int bit = (int)number & op.SignShift;
        while (true)
        {
            if (!(T.Writes ? LoadForWrite0(c, ref m, op, out ulong value) : Load0(c, ref m, op, out value)))
            {
                return false;
            }

            if (T.Writes && !Replace0(c, ref m, op, value, T.Apply(value, 1UL << bit), out bool again))
            {
                if (again)
                {
                    continue;
                }

                return false;
            }

            c.State.Flags = (c.State.Flags & ~FlagBits.C) | ((value >> bit) & 1);
            return true;
        }
    }

    internal static bool ScanForward(Core c, ref TMachine m, in Op op) =>
        Load1(c, ref m, op, out ulong value) && Scan(c, op, value, value == 0 ? 0 : BitOperations.TrailingZeroCount(value));

    internal static bool ScanReverse(Core c, ref TMachine m, in Op op) =>
        Load1(c, ref m, op, out ulong value) && Scan(c, op, value, value == 0 ? 0 : BitOperations.Log2(value));

    /// <summary>A source of 0 sets ZF and leaves the destination alone, as all known processors do.</summary>
    private static bool Scan(Core c, in Op op, ulong value, int result)
    {
        if (value == 0)
        {
            c.State.Flags |= FlagBits.Z;
            return true;
        }

        c.State.Flags &= ~FlagBits.Z;
        SetRegister0(c, op, (ulong)result);
        return true;
    }

    internal static bool CountLeadingZeros(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        int bits = op.SignShift + 1;
        return Count(c, op, value == 0 ? bits : BitOperations.LeadingZeroCount(value) - (64 - bits), value == 0);
    }

    internal static bool CountTrailingZeros(Core c, ref TMachine m, in Op op) =>
        Load1(c, ref m, op, out ulong value)
        && Count(c, op, value == 0 ? op.SignShift + 1 : BitOperations.TrailingZeroCount(value), value == 0);

    private static bool Count(Core c, in Op op, int result, bool isZero)
    {
        SetRegister0(c, op, (ulong)result);
        c.State.Flags = (c.State.Flags & ~(FlagBits.C | FlagBits.Z)) | (isZero ? FlagBits.C : 0) | (result == 0 ? FlagBits.Z : 0);
        return true;
    }

    internal static bool CountOnes(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, (ulong)BitOperations.PopCount(value));
        SetFlags(c, value == 0 ? FlagBits.Z : 0);
        return true;
    }

    /// <summary>BSWAP; of 16 bits it is undefined and gives 0, as processors do.</summary>
    internal static bool SwapBytes(Core c, ref TMachine m, in Op op)
    {
        ulong value = Register0(c, op);
        SetRegister0(c, op, op.Size switch { 2 => 0, 4 => BinaryPrimitives.ReverseEndianness((uint)value), _ => BinaryPrimitives.ReverseEndianness(value) });
        return true;
    }

    internal static bool MoveBigEndian(Core c, ref TMachine m, in Op op)
    {
        if (op.Kind0 == OperandKind.Memory)
        {
            return Write(c, ref m, op.Segment, Offset(c, op), op.Size, Reverse(c.Gpr[op.Reg1], op.Size));
        }

        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, Reverse(value, op.Size));
        return true;
    }

    private static ulong Reverse(ulong value, int size) => BinaryPrimitives.ReverseEndianness(value) >> (64 - (size * 8));

    internal static bool Crc32(Core c, ref TMachine m, in Op op)
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        uint crc = (uint)c.Gpr[op.Reg0];
        for (int i = 0; i < op.Size1; i++)
        {
            crc = BitOperations.Crc32C(crc, (byte)(value >> (i * 8)));
        }

        SetRegister0(c, op, crc);
        return true;
    }
}
