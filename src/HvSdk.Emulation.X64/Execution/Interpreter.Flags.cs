namespace HvSdk.Emulation;

/// <summary>Single flags: CLC STC CMC CLD STD CLI STI CLAC STAC LAHF SAHF SALC (Intel SDM vol. 1, 7.3.14).</summary>
internal static partial class Interpreter<TMachine>
{
    private const ulong AhFlags = FlagBits.C | FlagBits.P | FlagBits.A | FlagBits.Z | FlagBits.S;

    internal static bool ClearCarry(Core c, ref TMachine m, in Op op)
    {
        c.State.Flags &= ~FlagBits.C;
        return true;
    }

    internal static bool SetCarry(Core c, ref TMachine m, in Op op)
    {
        c.State.Flags |= FlagBits.C;
        return true;
    }

    internal static bool ComplementCarry(Core c, ref TMachine m, in Op op)
    {
        c.State.Flags ^= FlagBits.C;
        return true;
    }

    internal static bool ClearDirection(Core c, ref TMachine m, in Op op)
    {
        c.State.Flags &= ~FlagBits.D;
        return true;
    }

    internal static bool SetDirection(Core c, ref TMachine m, in Op op)
    {
        c.State.Flags |= FlagBits.D;
        return true;
    }

    internal static bool ClearInterrupt(Core c, ref TMachine m, in Op op)
    {
        if (c.IsProtected && c.Cpl > c.IoPrivilege)
        {
            // With CR4.PVI or VME the virtual interrupt flag would change instead.
            return UsesVirtualInterrupts(c) ? c.Unsupported() : c.GeneralProtection();
        }

        c.State.Flags &= ~FlagBits.I;
        return true;
    }

    internal static bool SetInterrupt(Core c, ref TMachine m, in Op op)
    {
        if (c.IsProtected && c.Cpl > c.IoPrivilege)
        {
            return UsesVirtualInterrupts(c) ? c.Unsupported() : c.GeneralProtection();
        }

        if ((c.State.Flags & FlagBits.I) == 0)
        {
            c.State.InterruptShadow = X64InterruptShadow.Sti;
        }

        c.State.Flags |= FlagBits.I;
        return true;
    }

    private static bool UsesVirtualInterrupts(Core c) => c.IsVirtual8086
        ? (c.State.Cr4 & FlagBits.Cr4Vme) != 0
        : c.Cpl == 3 && (c.State.Cr4 & FlagBits.Cr4Pvi) != 0;

    internal static bool ClearAccessCheck(Core c, ref TMachine m, in Op op) => SetAccessCheck(c, 0);

    internal static bool SetAccessCheck(Core c, ref TMachine m, in Op op) => SetAccessCheck(c, FlagBits.Ac);

    private static bool SetAccessCheck(Core c, ulong value)
    {
        if (c.Cpl != 0)
        {
            return c.Undefined();
        }

        c.State.Flags = (c.State.Flags & ~FlagBits.Ac) | value;
        return true;
    }

    internal static bool LoadAhFromFlags(Core c, ref TMachine m, in Op op)
    {
        ulong flags = (c.State.Flags & AhFlags) | X64Flags.Reserved1;
        c.Gpr[RegisterIndex.Rax] = (c.Gpr[RegisterIndex.Rax] & ~0xFF00UL) | (flags << 8);
        return true;
    }

    internal static bool StoreAhToFlags(Core c, ref TMachine m, in Op op)
    {
        c.State.Flags = (c.State.Flags & ~AhFlags) | ((c.Gpr[RegisterIndex.Rax] >> 8) & AhFlags);
        return true;
    }

    internal static bool SetAlFromCarry(Core c, ref TMachine m, in Op op)
    {
        SetRegister(c, RegisterIndex.Rax, 1, (c.State.Flags & FlagBits.C) != 0 ? 0xFFUL : 0);
        return true;
    }
}
