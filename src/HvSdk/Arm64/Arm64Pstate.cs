namespace HvSdk;

/// <summary>Bits and modes of PSTATE as SPSR_ELx lays them out (Arm ARM, C5.2.18).</summary>
public static class Arm64Pstate
{
    /// <summary>M[3:0]: EL0.</summary>
    public const ulong El0 = 0b0000;

    /// <summary>M[3:0]: EL1 with SP_EL0.</summary>
    public const ulong El1t = 0b0100;

    /// <summary>M[3:0]: EL1 with SP_EL1.</summary>
    public const ulong El1h = 0b0101;

    /// <summary>M[4:0]: exception level, stack pointer, and in bit 4 AArch32.</summary>
    public const ulong ModeMask = 0b1_1111;

    /// <summary>F: FIQs are masked.</summary>
    public const ulong FiqMask = 1UL << 6;

    /// <summary>I: IRQs are masked.</summary>
    public const ulong IrqMask = 1UL << 7;

    /// <summary>A: SErrors are masked.</summary>
    public const ulong SErrorMask = 1UL << 8;

    /// <summary>D: watchpoint, breakpoint and software step exceptions are masked.</summary>
    public const ulong DebugMask = 1UL << 9;

    /// <summary>D, A, I and F: everything that can be masked is.</summary>
    public const ulong AllMasked = DebugMask | SErrorMask | IrqMask | FiqMask;

    /// <summary>IL: the next instruction is an illegal execution state exception.</summary>
    public const ulong IllegalExecution = 1UL << 20;

    /// <summary>SS: one instruction is executed before the software step exception.</summary>
    public const ulong SoftwareStep = 1UL << 21;

    /// <summary>V: overflow.</summary>
    public const ulong Overflow = 1UL << 28;

    /// <summary>C: carry.</summary>
    public const ulong Carry = 1UL << 29;

    /// <summary>Z: zero.</summary>
    public const ulong Zero = 1UL << 30;

    /// <summary>N: negative.</summary>
    public const ulong Negative = 1UL << 31;
}
