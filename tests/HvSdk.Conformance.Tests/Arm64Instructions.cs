using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>Instructions of AArch64 that the assembler lacks, by their encodings (Arm ARM, C6.2 and C7.2).</summary>
internal static class Arm64Instructions
{
    /// <summary>SUB of two registers.</summary>
    public static void SubtractRegister(this Arm64Assembler a, int result, int first, int second) => a.Word(0xCB00_0000 | Registers(result, first) | ((uint)second << 16));

    /// <summary>ORR of two registers.</summary>
    public static void OrRegister(this Arm64Assembler a, int result, int first, int second) => a.Word(0xAA00_0000 | Registers(result, first) | ((uint)second << 16));

    /// <summary>BR: branches to the address in a register.</summary>
    public static void BranchTo(this Arm64Assembler a, int register) => a.Word(0xD61F_0000 | Registers(0, register));

    /// <summary>LDXR of 8 bytes.</summary>
    public static void LoadExclusive(this Arm64Assembler a, int register, int address) => a.Word(0xC85F_7C00 | Registers(register, address));

    /// <summary>STXR of 8 bytes; 0 in the first register where it has succeeded.</summary>
    public static void StoreExclusive(this Arm64Assembler a, int status, int register, int address) => a.Word(0xC800_7C00 | Registers(register, address) | ((uint)status << 16));

    /// <summary>LDR of a vector register, 16 bytes.</summary>
    public static void LoadVector(this Arm64Assembler a, int vector, int address, int offset = 0) => a.Word(0x3DC0_0000 | Registers(vector, address) | Sixteens(offset));

    /// <summary>STR of a vector register, 16 bytes.</summary>
    public static void StoreVector(this Arm64Assembler a, int vector, int address, int offset = 0) => a.Word(0x3D80_0000 | Registers(vector, address) | Sixteens(offset));

    /// <summary>LDP of two vector registers, 32 bytes.</summary>
    public static void LoadVectorPair(this Arm64Assembler a, int first, int second, int address) => a.Word(0xAD40_0000 | Registers(first, address) | ((uint)second << 10));

    /// <summary>LDR of 8 bytes; then the base register moves.</summary>
    public static void LoadPostIndexed(this Arm64Assembler a, int register, int address, int step) => a.Word(0xF840_0400 | Registers(register, address) | Step(step));

    /// <summary>The base register moves; then STR of 4 bytes.</summary>
    public static void StoreHalfPreIndexed(this Arm64Assembler a, int register, int address, int step) => a.Word(0xB800_0C00 | Registers(register, address) | Step(step));

    /// <summary>TLBI VMALLE1: forgets what the translation tables held.</summary>
    public static void InvalidateTranslations(this Arm64Assembler a)
    {
        a.Word(0xD508_871F);
        a.Dsb();
        a.Isb();
    }

    /// <summary>WFE.</summary>
    public static void WaitForEvent(this Arm64Assembler a) => a.Word(0xD503_205F);

    /// <summary>MSR DAIFClr: lets IRQs and FIQs in.</summary>
    public static void UnmaskInterrupts(this Arm64Assembler a) => a.Word(0xD503_43FF);

    private static uint Step(int step) => ((uint)step & 0x1FF) << 12;

    private static uint Registers(int first, int second) => (uint)first | ((uint)second << 5);

    private static uint Sixteens(int offset) => (uint)(offset / 16) << 10;
}
