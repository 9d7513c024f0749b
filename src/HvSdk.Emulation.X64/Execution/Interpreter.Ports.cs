namespace HvSdk.Emulation;

/// <summary>IN and OUT, and who may (Intel SDM vol. 1, 19.5).</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool In(Core c, ref TMachine m, in Op op)
    {
        ulong port = op.Kind1 == OperandKind.Immediate ? op.Immediate & 0xFF : c.Gpr[RegisterIndex.Rdx] & 0xFFFF;
        if (!CheckPort(c, ref m, port, op.Size) || !ReadPort(c, port, op.Size, out ulong value))
        {
            return false;
        }

        SetRegister(c, RegisterIndex.Rax, op.Size, value);
        return true;
    }

    internal static bool Out(Core c, ref TMachine m, in Op op)
    {
        ulong port = op.Kind0 == OperandKind.Immediate ? op.Immediate & 0xFF : c.Gpr[RegisterIndex.Rdx] & 0xFFFF;
        return CheckPort(c, ref m, port, op.Size1) && WritePort(c, port, op.Size1, c.Gpr[RegisterIndex.Rax]);
    }

    /// <summary>Above IOPL, and always in virtual-8086 mode, the bitmap in the TSS says which ports are open.</summary>
    private static bool CheckPort(Core c, ref TMachine m, ulong port, int size)
    {
        if (!c.IsProtected || (!c.IsVirtual8086 && c.Cpl <= c.IoPrivilege))
        {
            return true;
        }

        ref readonly X64Segment tss = ref c.Segments[SegmentIndex.Tr];
        if (!tss.IsPresent || tss.Type is not (9 or 11) || tss.Limit < 103)
        {
            return c.GeneralProtection();
        }

        if (!ReadSystem(c, ref m, tss.Base + 102, 2, out ulong start))
        {
            return false;
        }

        ulong place = start + (port / 8);
        if (place + 1 > tss.Limit)
        {
            return c.GeneralProtection();
        }

        if (!ReadSystem(c, ref m, tss.Base + place, 2, out ulong bits))
        {
            return false;
        }

        ulong mask = ((1UL << size) - 1) << (int)(port & 7);
        return (bits & mask) == 0 || c.GeneralProtection();
    }
}
