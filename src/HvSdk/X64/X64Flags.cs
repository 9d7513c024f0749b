namespace HvSdk;

/// <summary>Bits of RFLAGS (Intel SDM vol. 1, 3.4.3).</summary>
public static class X64Flags
{
    /// <summary>Bit 1: always one.</summary>
    public const ulong Reserved1 = 1UL << 1;

    /// <summary>Carry.</summary>
    public const ulong Carry = 1UL << 0;

    /// <summary>Parity.</summary>
    public const ulong Parity = 1UL << 2;

    /// <summary>Auxiliary carry.</summary>
    public const ulong Auxiliary = 1UL << 4;

    /// <summary>Zero.</summary>
    public const ulong Zero = 1UL << 6;

    /// <summary>Sign.</summary>
    public const ulong Sign = 1UL << 7;

    /// <summary>Trap: a debug exception after each instruction.</summary>
    public const ulong Trap = 1UL << 8;

    /// <summary>External interrupts are taken.</summary>
    public const ulong InterruptEnable = 1UL << 9;

    /// <summary>String instructions count down.</summary>
    public const ulong Direction = 1UL << 10;

    /// <summary>Overflow.</summary>
    public const ulong Overflow = 1UL << 11;

    /// <summary>I/O privilege level, two bits.</summary>
    public const ulong IoPrivilegeLevelMask = 3UL << 12;

    /// <summary>Resume: the next instruction raises no instruction breakpoint.</summary>
    public const ulong Resume = 1UL << 16;
}
