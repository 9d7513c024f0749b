namespace HvSdk.Backends;

/// <summary>The registers of a vCPU that loads and stores move, for <see cref="Arm64AccessSequence"/>. On the vCPU's thread.</summary>
public interface IArm64AccessRegisters
{
    /// <summary>Reads a general register.</summary>
    /// <param name="index">X0 to X30, and 31 for XZR, which is zero.</param>
    ulong GetGeneral(int index);

    /// <summary>Writes a general register.</summary>
    /// <param name="index">X0 to X30, and 31 for XZR, which keeps nothing.</param>
    /// <param name="value">Its value.</param>
    void SetGeneral(int index, ulong value);

    /// <summary>Reads a SIMD register.</summary>
    /// <param name="index">V0 to V31.</param>
    UInt128 GetSimd(int index);

    /// <summary>Writes a SIMD register.</summary>
    /// <param name="index">V0 to V31.</param>
    /// <param name="value">Its value.</param>
    void SetSimd(int index, UInt128 value);

    /// <summary>The stack pointer of the current exception level, as PSTATE selects it (Arm ARM, D1.3.7).</summary>
    ulong StackPointer { get; set; }

    /// <summary>Moves the program counter behind its 4-byte instruction.</summary>
    void Advance();
}
