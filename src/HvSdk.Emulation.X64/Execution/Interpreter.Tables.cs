namespace HvSdk.Emulation;

/// <summary>LGDT LIDT SGDT SIDT (Intel SDM vol. 2A and 2B).</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool LoadTable(Core c, ref TMachine m, in Op op, bool isInterrupt)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        ulong place = Offset(c, op);
        int size = c.Is64 ? 8 : 4;
        if (!Read(c, ref m, op.Segment, place, 2, out ulong limit)
            || !Read(c, ref m, op.Segment, (place + 2) & op.AddressMask, size, out ulong address))
        {
            return false;
        }

        // With a 16-bit operand the base has 24 bits.
        if (Is16BitTable(op.Code))
        {
            address &= 0xFF_FFFF;
        }

        if (c.Is64 && !c.IsCanonical(address))
        {
            return c.GeneralProtection();
        }

        X64DescriptorTable table = new(address, (ushort)limit);
        if (isInterrupt)
        {
            c.State.Idt = table;
        }
        else
        {
            c.State.Gdt = table;
        }

        c.State.Modified |= X64StateGroups.SpecialRegisters;
        return true;
    }

    private static bool Is16BitTable(Iced.Intel.Code code) =>
        code is Iced.Intel.Code.Lgdt_m1632_16 or Iced.Intel.Code.Lidt_m1632_16;

    internal static bool StoreTable(Core c, ref TMachine m, in Op op, bool isInterrupt)
    {
        if (IsHidden(c))
        {
            return c.GeneralProtection();
        }

        X64DescriptorTable table = isInterrupt ? c.State.Idt : c.State.Gdt;
        ulong place = Offset(c, op);
        return Write(c, ref m, op.Segment, place, 2, table.Limit)
            && Write(c, ref m, op.Segment, (place + 2) & op.AddressMask, c.Is64 ? 8 : 4, c.Is64 ? table.Base : (uint)table.Base);
    }
}
