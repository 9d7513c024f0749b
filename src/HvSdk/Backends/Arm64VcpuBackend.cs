namespace HvSdk.Backends;

/// <summary>The AArch64 half of a vCPU of a backend. The thread rules of <see cref="VcpuBackend"/> hold; arguments are checked.</summary>
public abstract class Arm64VcpuBackend
{
    /// <summary>CNTV_CTL_EL0 (Arm ARM, D19.12.18).</summary>
    private const ulong TimerEnabled = 1;
    private const ulong TimerMasked = 2;

    /// <summary>Reads the general registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void GetRegisters(out Arm64Registers registers);

    /// <summary>Writes the general registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void SetRegisters(in Arm64Registers registers);

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

    /// <summary>The virtual counter now, CNTVCT_EL0, in ticks.</summary>
    protected abstract ulong VirtualCounter { get; }

    /// <summary>How long until the virtual timer asserts its interrupt.</summary>
    public abstract TimeSpan GetVirtualTimerDelay();

    /// <summary>The same by the timer's registers and <see cref="VirtualCounter"/>, for hosts that do not tell it themselves.</summary>
    /// <param name="frequency">Ticks in a second.</param>
    /// <returns>Zero where it does so now; <see cref="Timeout.InfiniteTimeSpan"/> where it is off or masked by the guest.</returns>
    protected TimeSpan GetVirtualTimerDelay(long frequency)
    {
        ulong control = GetSystemRegister(Arm64SystemRegister.CntvCtlEl0);
        if ((control & TimerEnabled) == 0 || (control & TimerMasked) != 0)
        {
            return Timeout.InfiniteTimeSpan;
        }

        ulong ticks = unchecked(GetSystemRegister(Arm64SystemRegister.CntvCvalEl0) - VirtualCounter);
        if ((long)ticks <= 0)
        {
            return TimeSpan.Zero;
        }

        double seconds = ticks / (double)frequency;
        return seconds < TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromSeconds(seconds) : TimeSpan.MaxValue;
    }

    /// <summary>Saves everything.</summary>
    public abstract Arm64VcpuState SaveState();

    /// <summary>Loads everything.</summary>
    /// <param name="state">The state.</param>
    public abstract void LoadState(Arm64VcpuState state);

    /// <summary>Reads a system register.</summary>
    /// <param name="register">The register.</param>
    /// <exception cref="HypervisorException">It is not reached; the text names it.</exception>
    protected abstract ulong GetSystemRegister(Arm64SystemRegister register);

    /// <summary>Writes a system register.</summary>
    /// <param name="register">The register.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="HypervisorException">It was refused; the text names it.</exception>
    protected abstract void SetSystemRegister(Arm64SystemRegister register, ulong value);

    /// <summary>Reads one of V0 to V31.</summary>
    /// <param name="index">Its number.</param>
    protected abstract UInt128 GetSimdRegister(int index);

    /// <summary>Writes one of V0 to V31.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="value">Its value.</param>
    protected abstract void SetSimdRegister(int index, UInt128 value);

    /// <summary>Reads system registers; the default asks for one after the other. A host that gives many at once overrides it.</summary>
    /// <param name="registers">The registers.</param>
    /// <param name="values">Their values, one per register.</param>
    /// <exception cref="HypervisorException">One of them is not reached; the text names it.</exception>
    public virtual void GetSystemRegisters(ReadOnlySpan<Arm64SystemRegister> registers, Span<ulong> values)
    {
        for (int i = 0; i < registers.Length; i++)
        {
            values[i] = GetSystemRegister(registers[i]);
        }
    }

    /// <summary>Writes system registers in order, up to the first that is refused; the default writes one after the other. A host that takes many at once overrides it.</summary>
    /// <param name="values">Registers and values.</param>
    /// <exception cref="HypervisorException">One of them was refused; the text names it.</exception>
    public virtual void SetSystemRegisters(ReadOnlySpan<Arm64SystemRegisterValue> values)
    {
        foreach (Arm64SystemRegisterValue value in values)
        {
            SetSystemRegister(value.Register, value.Value);
        }
    }

    /// <summary>Reads V0 to V31; the default asks for one after the other. A host that gives them at once overrides it.</summary>
    /// <param name="values">32 values.</param>
    public virtual void GetSimdRegisters(Span<UInt128> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = GetSimdRegister(i);
        }
    }

    /// <summary>Writes V0 to V31; the default writes one after the other. A host that takes them at once overrides it.</summary>
    /// <param name="values">32 values.</param>
    public virtual void SetSimdRegisters(ReadOnlySpan<UInt128> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            SetSimdRegister(i, values[i]);
        }
    }

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
