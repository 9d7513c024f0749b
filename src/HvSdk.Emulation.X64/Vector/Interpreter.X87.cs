using System.Buffers.Binary;
using System.Numerics;

namespace HvSdk.Emulation;

/// <summary>x87: state, environment and exact moves (Intel SDM vol. 1, 8.1 and 8.3.1). There is no arithmetic, and the pointers to the last instruction stay as they are.</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Sets the control word, whose bit 6 is always one; the summary of exceptions in the status word follows.</summary>
    private static void SetX87Control(Core c, ushort value)
    {
        c.X87Control = (ushort)((value & 0x1F3F) | 0x40);
        int waiting = c.X87Status & ~c.X87Control & 0x3F;
        c.X87Status = (ushort)((c.X87Status & 0x7F7F) | (waiting != 0 ? 0x8080 : 0));
    }

    internal static bool InitializeX87(Core c, ref TMachine m, in Op op)
    {
        if (!UseX87(c, ref m, waits: false))
        {
            return false;
        }

        ResetX87Registers(c);
        return true;
    }

    /// <summary>Registers keep their contents but are empty.</summary>
    private static void ResetX87Registers(Core c)
    {
        c.SetX87Top(0);
        c.State.Xsave[..VectorLayout.Mxcsr].Clear();
        c.X87Control = 0x37F;
    }

    internal static bool ClearX87Exceptions(Core c, ref TMachine m, in Op op)
    {
        if (!UseX87(c, ref m, waits: false))
        {
            return false;
        }

        c.X87Status &= 0x7F00;
        return true;
    }

    /// <summary>FWAIT asks CR0.MP too whether a task switch stops it, and does not care for CR0.EM.</summary>
    internal static bool WaitX87(Core c, ref TMachine m, in Op op)
    {
        const ulong Stops = X64Cr0.MonitorCoprocessor | FlagBits.Cr0TaskSwitched;
        if ((c.State.Cr0 & Stops) == Stops)
        {
            return c.Raise(Vectors.DeviceNotAvailable);
        }

        EnsureVector(c, ref m);
        return CheckX87Error(c);
    }

    internal static bool NothingX87(Core c, ref TMachine m, in Op op) => UseX87(c, ref m, waits: true);

    internal static bool StoreX87Control(Core c, ref TMachine m, in Op op) =>
        UseX87(c, ref m, waits: false) && Write(c, ref m, op.Segment, Offset(c, op), 2, c.X87Control);

    internal static bool LoadX87Control(Core c, ref TMachine m, in Op op)
    {
        if (!UseX87(c, ref m, waits: true) || !Read(c, ref m, op.Segment, Offset(c, op), 2, out ulong value))
        {
            return false;
        }

        SetX87Control(c, (ushort)value);
        return true;
    }

    internal static bool StoreX87Status(Core c, ref TMachine m, in Op op) => UseX87(c, ref m, waits: false) && Store0(c, ref m, op, c.X87Status);

    internal static bool EmptyMmx(Core c, ref TMachine m, in Op op)
    {
        if (!UseMmx(c, ref m))
        {
            return false;
        }

        c.EnterMmx();
        c.State.Xsave[VectorLayout.TagByte] = 0;
        return true;
    }

    /// <summary>FNSTENV and FNSAVE, in the 16-bit or 32-bit form of protected mode.</summary>
    internal static bool StoreEnvironment(Core c, ref TMachine m, in Op op, bool wide, bool whole)
    {
        if (!UseX87(c, ref m, waits: false))
        {
            return false;
        }

        ReadOnlySpan<byte> state = c.State.Xsave;
        if ((!c.IsProtected || c.IsVirtual8086) && state[VectorLayout.LastOpcode..VectorLayout.Mxcsr].ContainsAnyExcept((byte)0))
        {
            // Real mode has another form for the pointers.
            return c.Unsupported();
        }

        int unit = wide ? 4 : 2;
        int header = 7 * unit;
        Span<byte> area = c.VectorScratch.AsSpan(0, header + (whole ? 80 : 0));
        area.Clear();
        if (wide)
        {
            area[2] = area[3] = area[6] = area[7] = area[10] = area[11] = area[26] = area[27] = 0xFF;
        }

        BinaryPrimitives.WriteUInt16LittleEndian(area, c.X87Control);
        BinaryPrimitives.WriteUInt16LittleEndian(area[unit..], c.X87Status);
        BinaryPrimitives.WriteUInt16LittleEndian(area[(2 * unit)..], FullTags(c));
        state.Slice(VectorLayout.InstructionPointer, unit).CopyTo(area[(3 * unit)..]);
        if (wide)
        {
            state.Slice(VectorLayout.LastOpcode, 2).CopyTo(area[18..]);
        }

        state.Slice(VectorLayout.DataPointer, unit).CopyTo(area[(5 * unit)..]);
        for (int i = 0; whole && i < 8; i++)
        {
            c.X87Slot(i).CopyTo(area[(header + (i * 10))..]);
        }

        if (!WriteBlock(c, ref m, op.Segment, Offset(c, op), area))
        {
            return false;
        }

        if (whole)
        {
            ResetX87Registers(c);
        }
        else
        {
            SetX87Control(c, (ushort)(c.X87Control | 0x3F));
        }

        return true;
    }

    /// <summary>FLDENV and FRSTOR.</summary>
    internal static bool LoadEnvironment(Core c, ref TMachine m, in Op op, bool wide, bool whole)
    {
        int unit = wide ? 4 : 2;
        int header = 7 * unit;
        Span<byte> area = c.VectorScratch.AsSpan(0, header + (whole ? 80 : 0));
        if (!UseX87(c, ref m, waits: true) || !ReadBlock(c, ref m, op.Segment, Offset(c, op), area))
        {
            return false;
        }

        Span<byte> state = c.State.Xsave;
        bool isReal = !c.IsProtected || c.IsVirtual8086;
        if (isReal && area[(3 * unit)..(wide ? 26 : 14)].ContainsAnyExcept((byte)0))
        {
            return c.Unsupported();
        }

        ushort status = BinaryPrimitives.ReadUInt16LittleEndian(area[unit..]);
        ushort tags = BinaryPrimitives.ReadUInt16LittleEndian(area[(2 * unit)..]);
        c.SetX87Top((status >> 11) & 7);
        c.X87Status = status;
        byte used = 0;
        for (int i = 0; i < 8; i++)
        {
            used |= (byte)(((tags >> (i * 2)) & 3) != 3 ? 1 << i : 0);
        }

        state[VectorLayout.TagByte] = used;
        state[VectorLayout.LastOpcode..VectorLayout.Mxcsr].Clear();
        area.Slice(3 * unit, unit).CopyTo(state[VectorLayout.InstructionPointer..]);
        area.Slice(5 * unit, unit).CopyTo(state[VectorLayout.DataPointer..]);
        if (wide)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(state[VectorLayout.LastOpcode..], (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(area[18..]) & 0x7FF));
        }

        for (int i = 0; whole && i < 8; i++)
        {
            area.Slice(header + (i * 10), 10).CopyTo(c.X87Slot(i));
        }

        SetX87Control(c, BinaryPrimitives.ReadUInt16LittleEndian(area));
        return true;
    }

    /// <summary>Two bits for each physical register: valid, zero, special, empty.</summary>
    private static ushort FullTags(Core c)
    {
        int tags = 0;
        for (int i = 0; i < 8; i++)
        {
            Span<byte> slot = c.X87Slot(i - c.X87Top);
            ulong mantissa = BinaryPrimitives.ReadUInt64LittleEndian(slot);
            int exponent = BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]) & 0x7FFF;
            int tag =
                (c.State.Xsave[VectorLayout.TagByte] & (1 << i)) == 0 ? 3
                : exponent == 0 && mantissa == 0 ? 1
                : exponent is 0 or 0x7FFF || mantissa >> 63 == 0 ? 2
                : 0;
            tags |= tag << (i * 2);
        }

        return (ushort)tags;
    }

    /// <summary>FLD of 10 bytes, and FILD: what goes in is exact. A full stack is left to the caller.</summary>
    internal static bool LoadX87(Core c, ref TMachine m, in Op op, bool isInteger)
    {
        Span<byte> value = stackalloc byte[10];
        if (!UseX87(c, ref m, waits: true))
        {
            return false;
        }

        if (!isInteger)
        {
            if (!ReadBlock(c, ref m, op.Segment, Offset(c, op), value))
            {
                return false;
            }
        }
        else
        {
            if (!Read(c, ref m, op.Segment, Offset(c, op), op.Size, out ulong integer))
            {
                return false;
            }

            WriteInteger(value, (long)Sizes.SignExtend(integer, op.Size));
        }

        int top = (c.X87Top - 1) & 7;
        if ((c.State.Xsave[VectorLayout.TagByte] & (1 << top)) != 0)
        {
            return c.Unsupported();
        }

        c.SetX87Top(top);
        value.CopyTo(c.X87Slot(0));
        c.State.Xsave[VectorLayout.TagByte] |= (byte)(1 << top);
        ClearC1(c);
        return true;
    }

    private static void WriteInteger(Span<byte> target, long integer)
    {
        ulong magnitude = integer < 0 ? 0 - (ulong)integer : (ulong)integer;
        int shift = magnitude == 0 ? 0 : BitOperations.LeadingZeroCount(magnitude);
        BinaryPrimitives.WriteUInt64LittleEndian(target, magnitude << shift);
        BinaryPrimitives.WriteUInt16LittleEndian(target[8..], (ushort)((magnitude == 0 ? 0 : 16383 + 63 - shift) | (integer < 0 ? 0x8000 : 0)));
    }

    /// <summary>FSTP of 10 bytes. An empty stack is left to the caller.</summary>
    internal static bool StoreX87(Core c, ref TMachine m, in Op op)
    {
        if (!UseX87(c, ref m, waits: true))
        {
            return false;
        }

        int top = c.X87Top;
        if ((c.State.Xsave[VectorLayout.TagByte] & (1 << top)) == 0)
        {
            return c.Unsupported();
        }

        if (!WriteBlock(c, ref m, op.Segment, Offset(c, op), c.X87Slot(0)))
        {
            return false;
        }

        c.State.Xsave[VectorLayout.TagByte] &= (byte)~(1 << top);
        c.SetX87Top((top + 1) & 7);
        ClearC1(c);
        return true;
    }

    private static void ClearC1(Core c) => c.X87Status = (ushort)(c.X87Status & ~0x200);
}
