namespace HvSdk;

/// <content>Who the processor is and what it can (Arm ARM, D19.2).</content>
public readonly partial record struct Arm64SystemRegister
{
    /// <summary>MIDR_EL1: Main ID: maker and model.</summary>
    public static Arm64SystemRegister MidrEl1 => Of(3, 0, 0, 0, 0);

    /// <summary>MPIDR_EL1: Multiprocessor affinity: which processor this is.</summary>
    public static Arm64SystemRegister MpidrEl1 => Of(3, 0, 0, 0, 5);

    /// <summary>ID_AA64PFR0_EL1: Processor features 0: exception levels, floating point, GIC.</summary>
    public static Arm64SystemRegister IdAa64Pfr0El1 => Of(3, 0, 0, 4, 0);

    /// <summary>ID_AA64PFR1_EL1: Processor features 1.</summary>
    public static Arm64SystemRegister IdAa64Pfr1El1 => Of(3, 0, 0, 4, 1);

    /// <summary>ID_AA64ZFR0_EL1: SVE features.</summary>
    public static Arm64SystemRegister IdAa64Zfr0El1 => Of(3, 0, 0, 4, 4);

    /// <summary>ID_AA64SMFR0_EL1: SME features.</summary>
    public static Arm64SystemRegister IdAa64Smfr0El1 => Of(3, 0, 0, 4, 5);

    /// <summary>ID_AA64DFR0_EL1: Debug features 0: breakpoints, watchpoints, performance monitors.</summary>
    public static Arm64SystemRegister IdAa64Dfr0El1 => Of(3, 0, 0, 5, 0);

    /// <summary>ID_AA64DFR1_EL1: Debug features 1.</summary>
    public static Arm64SystemRegister IdAa64Dfr1El1 => Of(3, 0, 0, 5, 1);

    /// <summary>ID_AA64ISAR0_EL1: Instruction set attributes 0.</summary>
    public static Arm64SystemRegister IdAa64Isar0El1 => Of(3, 0, 0, 6, 0);

    /// <summary>ID_AA64ISAR1_EL1: Instruction set attributes 1.</summary>
    public static Arm64SystemRegister IdAa64Isar1El1 => Of(3, 0, 0, 6, 1);

    /// <summary>ID_AA64ISAR2_EL1: Instruction set attributes 2.</summary>
    public static Arm64SystemRegister IdAa64Isar2El1 => Of(3, 0, 0, 6, 2);

    /// <summary>ID_AA64MMFR0_EL1: Memory model features 0: physical address bits, granules.</summary>
    public static Arm64SystemRegister IdAa64Mmfr0El1 => Of(3, 0, 0, 7, 0);

    /// <summary>ID_AA64MMFR1_EL1: Memory model features 1.</summary>
    public static Arm64SystemRegister IdAa64Mmfr1El1 => Of(3, 0, 0, 7, 1);

    /// <summary>ID_AA64MMFR2_EL1: Memory model features 2.</summary>
    public static Arm64SystemRegister IdAa64Mmfr2El1 => Of(3, 0, 0, 7, 2);
}
