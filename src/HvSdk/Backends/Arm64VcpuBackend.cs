namespace HvSdk.Backends;

/// <summary>The AArch64 half of a vCPU of a backend. The thread rules of <see cref="VcpuBackend"/> hold; arguments are checked.</summary>
public abstract class Arm64VcpuBackend
{
    /// <summary>Reads the general registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void GetRegisters(out Arm64Registers registers);

    /// <summary>Writes the general registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void SetRegisters(in Arm64Registers registers);

    /// <summary>Reads system registers, all or none.</summary>
    /// <param name="registers">The registers.</param>
    /// <param name="values">Their values, one per register.</param>
    /// <exception cref="HypervisorException">One of them is not reached; the text names it.</exception>
    public abstract void GetSystemRegisters(ReadOnlySpan<Arm64SystemRegister> registers, Span<ulong> values);

    /// <summary>Writes system registers in order, up to the first that is refused.</summary>
    /// <param name="values">Registers and values.</param>
    /// <exception cref="HypervisorException">One of them was refused; the text names it.</exception>
    public abstract void SetSystemRegisters(ReadOnlySpan<Arm64SystemRegisterValue> values);

    /// <summary>Reads V0 to V31.</summary>
    /// <param name="values">32 values.</param>
    public abstract void GetSimdRegisters(Span<UInt128> values);

    /// <summary>Writes V0 to V31.</summary>
    /// <param name="values">32 values.</param>
    public abstract void SetSimdRegisters(ReadOnlySpan<UInt128> values);

    /// <summary>Whether the vCPU is on. Entering one that is off waits for CPU_ON or a kick.</summary>
    public abstract Arm64PowerState PowerState { get; set; }

    /// <summary>Sets an interrupt input, where the interrupt controller is the caller's.</summary>
    /// <param name="input">The input.</param>
    /// <param name="asserted">Its level, which stays.</param>
    public abstract void SetInterruptInput(Arm64InterruptInput input, bool asserted);

    /// <summary>Sets a private peripheral interrupt, where the host keeps the GIC.</summary>
    /// <param name="interruptId">Its INTID, 16 to 31.</param>
    /// <param name="asserted">Its level.</param>
    public abstract void SetPrivateInterrupt(int interruptId, bool asserted);

    /// <summary>What is taken from the host's counter to give the virtual counter, in ticks.</summary>
    public abstract ulong VirtualCounterOffset { get; set; }

    /// <summary>The virtual timer does not leave with <see cref="VcpuExitKind.Timer"/>.</summary>
    public abstract bool IsVirtualTimerMasked { get; set; }

    /// <summary>How long until the virtual timer asserts its interrupt.</summary>
    public abstract TimeSpan GetVirtualTimerDelay();

    /// <summary>Saves everything.</summary>
    public abstract Arm64VcpuState SaveState();

    /// <summary>Loads everything.</summary>
    /// <param name="state">The state.</param>
    public abstract void LoadState(Arm64VcpuState state);

    /// <summary>Reads 64-bit registers by name; the default asks for all of them, once. A host with access register by register overrides it.</summary>
    /// <param name="names">The names.</param>
    /// <param name="values">The values, one per name.</param>
    public virtual void GetRegisters(ReadOnlySpan<Arm64Register> names, Span<ulong> values)
    {
        GetRegisters(out Arm64Registers registers);
        for (int i = 0; i < names.Length; i++)
        {
            values[i] = registers[names[i]];
        }
    }

    /// <summary>Writes 64-bit registers by name; the default reads and writes all of them, once.</summary>
    /// <param name="names">The names.</param>
    /// <param name="values">The values, one per name.</param>
    public virtual void SetRegisters(ReadOnlySpan<Arm64Register> names, ReadOnlySpan<ulong> values)
    {
        GetRegisters(out Arm64Registers registers);
        for (int i = 0; i < names.Length; i++)
        {
            registers[names[i]] = values[i];
        }

        SetRegisters(registers);
    }
}
