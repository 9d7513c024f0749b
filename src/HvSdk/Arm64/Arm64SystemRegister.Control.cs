namespace HvSdk;

/// <content>Control, translation, exceptions, keys (Arm ARM, D19.2).</content>
public readonly partial record struct Arm64SystemRegister
{
    /// <summary>SCTLR_EL1: System control: MMU, caches, alignment checks.</summary>
    public static Arm64SystemRegister SctlrEl1 => Of(3, 0, 1, 0, 0);

    /// <summary>ACTLR_EL1: Auxiliary control.</summary>
    public static Arm64SystemRegister ActlrEl1 => Of(3, 0, 1, 0, 1);

    /// <summary>CPACR_EL1: Architectural feature access: floating point, SVE.</summary>
    public static Arm64SystemRegister CpacrEl1 => Of(3, 0, 1, 0, 2);

    /// <summary>TTBR0_EL1: Translation table base 0: the low half of the address space.</summary>
    public static Arm64SystemRegister Ttbr0El1 => Of(3, 0, 2, 0, 0);

    /// <summary>TTBR1_EL1: Translation table base 1: the high half.</summary>
    public static Arm64SystemRegister Ttbr1El1 => Of(3, 0, 2, 0, 1);

    /// <summary>TCR_EL1: Translation control.</summary>
    public static Arm64SystemRegister TcrEl1 => Of(3, 0, 2, 0, 2);

    /// <summary>APIAKeyLo_EL1: Pointer authentication, instruction key A, low half.</summary>
    public static Arm64SystemRegister ApiaKeyLoEl1 => Of(3, 0, 2, 1, 0);

    /// <summary>APIAKeyHi_EL1: Pointer authentication, instruction key A, high half.</summary>
    public static Arm64SystemRegister ApiaKeyHiEl1 => Of(3, 0, 2, 1, 1);

    /// <summary>APIBKeyLo_EL1: Pointer authentication, instruction key B, low half.</summary>
    public static Arm64SystemRegister ApibKeyLoEl1 => Of(3, 0, 2, 1, 2);

    /// <summary>APIBKeyHi_EL1: Pointer authentication, instruction key B, high half.</summary>
    public static Arm64SystemRegister ApibKeyHiEl1 => Of(3, 0, 2, 1, 3);

    /// <summary>APDAKeyLo_EL1: Pointer authentication, data key A, low half.</summary>
    public static Arm64SystemRegister ApdaKeyLoEl1 => Of(3, 0, 2, 2, 0);

    /// <summary>APDAKeyHi_EL1: Pointer authentication, data key A, high half.</summary>
    public static Arm64SystemRegister ApdaKeyHiEl1 => Of(3, 0, 2, 2, 1);

    /// <summary>APDBKeyLo_EL1: Pointer authentication, data key B, low half.</summary>
    public static Arm64SystemRegister ApdbKeyLoEl1 => Of(3, 0, 2, 2, 2);

    /// <summary>APDBKeyHi_EL1: Pointer authentication, data key B, high half.</summary>
    public static Arm64SystemRegister ApdbKeyHiEl1 => Of(3, 0, 2, 2, 3);

    /// <summary>APGAKeyLo_EL1: Pointer authentication, generic key, low half.</summary>
    public static Arm64SystemRegister ApgaKeyLoEl1 => Of(3, 0, 2, 3, 0);

    /// <summary>APGAKeyHi_EL1: Pointer authentication, generic key, high half.</summary>
    public static Arm64SystemRegister ApgaKeyHiEl1 => Of(3, 0, 2, 3, 1);

    /// <summary>SPSR_EL1: PSTATE that an exception to EL1 has saved.</summary>
    public static Arm64SystemRegister SpsrEl1 => Of(3, 0, 4, 0, 0);

    /// <summary>ELR_EL1: Address to which an exception at EL1 returns.</summary>
    public static Arm64SystemRegister ElrEl1 => Of(3, 0, 4, 0, 1);

    /// <summary>SP_EL0: Stack pointer of EL0.</summary>
    public static Arm64SystemRegister SpEl0 => Of(3, 0, 4, 1, 0);

    /// <summary>AFSR0_EL1: Auxiliary fault status 0.</summary>
    public static Arm64SystemRegister Afsr0El1 => Of(3, 0, 5, 1, 0);

    /// <summary>AFSR1_EL1: Auxiliary fault status 1.</summary>
    public static Arm64SystemRegister Afsr1El1 => Of(3, 0, 5, 1, 1);

    /// <summary>ESR_EL1: Syndrome of the last exception to EL1.</summary>
    public static Arm64SystemRegister EsrEl1 => Of(3, 0, 5, 2, 0);

    /// <summary>FAR_EL1: Address of the last fault at EL1.</summary>
    public static Arm64SystemRegister FarEl1 => Of(3, 0, 6, 0, 0);

    /// <summary>PAR_EL1: Result of an address translation instruction.</summary>
    public static Arm64SystemRegister ParEl1 => Of(3, 0, 7, 4, 0);

    /// <summary>MAIR_EL1: Memory attributes that translation tables name.</summary>
    public static Arm64SystemRegister MairEl1 => Of(3, 0, 10, 2, 0);

    /// <summary>AMAIR_EL1: Auxiliary memory attributes.</summary>
    public static Arm64SystemRegister AmairEl1 => Of(3, 0, 10, 3, 0);

    /// <summary>VBAR_EL1: Base of the exception vectors of EL1.</summary>
    public static Arm64SystemRegister VbarEl1 => Of(3, 0, 12, 0, 0);

    /// <summary>CONTEXTIDR_EL1: Context ID, for debuggers and traces.</summary>
    public static Arm64SystemRegister ContextidrEl1 => Of(3, 0, 13, 0, 1);

    /// <summary>TPIDR_EL1: Software's own, for EL1.</summary>
    public static Arm64SystemRegister TpidrEl1 => Of(3, 0, 13, 0, 4);

    /// <summary>CSSELR_EL1: Which cache CCSIDR_EL1 describes.</summary>
    public static Arm64SystemRegister CsselrEl1 => Of(3, 2, 0, 0, 0);

    /// <summary>FPCR: Floating-point control.</summary>
    public static Arm64SystemRegister Fpcr => Of(3, 3, 4, 4, 0);

    /// <summary>FPSR: Floating-point status.</summary>
    public static Arm64SystemRegister Fpsr => Of(3, 3, 4, 4, 1);

    /// <summary>TPIDR_EL0: Software's own, for EL0.</summary>
    public static Arm64SystemRegister TpidrEl0 => Of(3, 3, 13, 0, 2);

    /// <summary>TPIDRRO_EL0: Software's own, readable at EL0.</summary>
    public static Arm64SystemRegister TpidrroEl0 => Of(3, 3, 13, 0, 3);

    /// <summary>SP_EL1: Stack pointer of EL1.</summary>
    public static Arm64SystemRegister SpEl1 => Of(3, 4, 4, 1, 0);
}
