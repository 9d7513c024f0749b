namespace HvSdk.Emulation;

/// <summary>What an emulated processor sees beside its registers: memory, model-specific registers, CPUID and time.</summary>
/// <remarks>
/// Implement it by a struct: its methods are then compiled into the emulator's loop. All of them may be called any number of times for one
/// instruction. An instruction that leaves the emulator is executed again from its start later, so reads must have no side effect; accesses
/// that have one are those that leave as <see cref="X64EmulationResult.Access"/>.
/// </remarks>
public interface IX64Machine
{
    /// <summary>Reads guest RAM or ROM.</summary>
    /// <param name="gpa">Guest physical address of the first byte.</param>
    /// <param name="data">Where the bytes go. The run never crosses a 4 KiB page.</param>
    /// <returns>False where there is no memory: the access leaves the emulator as MMIO.</returns>
    bool TryRead(ulong gpa, scoped Span<byte> data);

    /// <summary>Writes guest RAM.</summary>
    /// <param name="gpa">Guest physical address of the first byte.</param>
    /// <param name="data">The bytes. The run never crosses a 4 KiB page.</param>
    /// <returns>False where there is no memory, or read-only memory: the access leaves the emulator as MMIO.</returns>
    bool TryWrite(ulong gpa, scoped ReadOnlySpan<byte> data);

    /// <summary>Compares guest RAM with a value and, where they are equal, writes another; atomic against other vCPUs as far as the host lets it.</summary>
    /// <param name="gpa">Guest physical address of the first byte; the run never crosses a 4 KiB page but may be misaligned.</param>
    /// <param name="size">1, 2, 4, 8 or 16.</param>
    /// <param name="expected">The value to compare with.</param>
    /// <param name="desired">The value to write.</param>
    /// <param name="found">What was there before: equal to <paramref name="expected"/> where the write was done.</param>
    /// <returns>False where there is no memory, or read-only memory; nothing was done.</returns>
    bool TryCompareExchange(ulong gpa, int size, UInt128 expected, UInt128 desired, out UInt128 found);

    /// <summary>Reads a model-specific register. EFER, FS_BASE and GS_BASE are part of the state and never asked for here.</summary>
    /// <param name="index">The index, as RDMSR takes it in ECX.</param>
    /// <param name="value">The value.</param>
    /// <returns>False raises #GP(0).</returns>
    bool TryReadMsr(uint index, out ulong value);

    /// <summary>Writes a model-specific register. EFER, FS_BASE and GS_BASE are part of the state and never given here.</summary>
    /// <param name="index">The index, as WRMSR takes it in ECX.</param>
    /// <param name="value">The value.</param>
    /// <returns>False raises #GP(0).</returns>
    bool TryWriteMsr(uint index, ulong value);

    /// <summary>CPUID. The bits that mirror CR4 (OSXSAVE, OSPKE) and the sizes that follow from XCR0 and IA32_XSS (leaf 0xD, EBX of subleaves 0 and 1) are put in by the emulator.</summary>
    /// <param name="leaf">EAX.</param>
    /// <param name="subleaf">ECX.</param>
    /// <param name="eax">EAX of the result.</param>
    /// <param name="ebx">EBX of the result.</param>
    /// <param name="ecx">ECX of the result.</param>
    /// <param name="edx">EDX of the result.</param>
    void Cpuid(uint leaf, uint subleaf, out uint eax, out uint ebx, out uint ecx, out uint edx);

    /// <summary>The time-stamp counter as the guest reads it.</summary>
    ulong ReadTimeStampCounter();

    /// <summary>Fills <see cref="X64CpuState.Xsave"/> and <see cref="X64CpuState.Xcr0"/>.</summary>
    /// <remarks>Called before the first instruction that needs x87, SSE or AVX state where <see cref="X64CpuState.IsVectorStateLoaded"/> is false; the emulator sets that afterwards.</remarks>
    /// <param name="state">The state to fill.</param>
    void LoadVectorState(X64CpuState state);
}
