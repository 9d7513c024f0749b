namespace HvSdk.Live;

/// <summary>The translation tables of an <see cref="Arm64Program"/>: blocks of 1 GiB of normal memory, mapped to themselves.</summary>
/// <remarks>
/// What EL0 may write, EL1 cannot execute (Arm ARM, D8.4.1.2). So each level has a table and an ASID of its own, and the vectors are executed through
/// an alias of the first GiB that is EL1's alone.
/// </remarks>
internal static class Arm64ProgramTables
{
    /// <summary>Where EL1 finds the first GiB once more.</summary>
    internal const ulong KernelAlias = Blocks * BlockSize;

    private const ulong KernelTable = 0xC000;
    private const ulong UserTable = 0xD000;
    private const ulong BlockSize = 1UL << 30;
    private const int Blocks = 64;

    /// <summary>Block descriptors (Arm ARM, D8.3.1.2): valid, attributes 0, inner shareable, accessed, of one ASID.</summary>
    private const ulong Block = 0b01;
    private const ulong UserMayAccess = 1UL << 6;
    private const ulong InnerShareable = 0b11UL << 8;
    private const ulong Accessed = 1UL << 10;
    private const ulong NotGlobal = 1UL << 11;

    /// <summary>MAIR_EL1, attributes 0: normal memory, write-back (D19.2.97).</summary>
    private const ulong WriteBack = 0xFF;

    /// <summary>TCR_EL1 (D19.2.139): 39 bits through TTBR0, walks cacheable and inner shareable, none through TTBR1, 40 bits of output.</summary>
    private const ulong Translation = 25 | (0b01UL << 8) | (0b01UL << 10) | (0b11UL << 12) | (1UL << 23) | (0b010UL << 32);

    /// <summary>SCTLR_EL1 (D19.2.124): the bits that are one, and M, C, I.</summary>
    private const ulong Control = (1UL << 29) | (1UL << 28) | (1UL << 23) | (1UL << 22) | (1UL << 20) | (1UL << 11) | (1UL << 12) | (1UL << 2) | 1;

    /// <summary>CPACR_EL1.FPEN (D19.2.29): nothing of SIMD traps.</summary>
    private const ulong SimdAllowed = 0b11UL << 20;

    private const int AsidShift = 48;

    internal static void WriteTo(GuestMemory memory)
    {
        for (ulong i = 0; i < Blocks; i++)
        {
            ulong block = (i * BlockSize) | Block | InnerShareable | Accessed | NotGlobal;
            memory.Write(KernelTable + (i * sizeof(ulong)), block);
            memory.Write(UserTable + (i * sizeof(ulong)), block | UserMayAccess);
        }

        const ulong alias = Block | InnerShareable | Accessed | NotGlobal;
        memory.Write(KernelTable + (Blocks * sizeof(ulong)), alias);
        memory.Write(UserTable + (Blocks * sizeof(ulong)), alias);
    }

    internal static Arm64SystemRegisterValue[] Registers(bool isUser) =>
    [
        new(Arm64SystemRegister.MairEl1, WriteBack),
        new(Arm64SystemRegister.TcrEl1, Translation),
        new(Arm64SystemRegister.Ttbr0El1, isUser ? UserTable | (2UL << AsidShift) : KernelTable | (1UL << AsidShift)),
        new(Arm64SystemRegister.CpacrEl1, SimdAllowed),
        new(Arm64SystemRegister.SctlrEl1, Control),
    ];
}
