using HvSdk.Backends;

namespace HvSdk;

/// <summary>The AArch64 registers and state of a <see cref="Vcpu"/>. Thread rules and errors are those of the vCPU.</summary>
public sealed class Arm64Vcpu
{
    /// <summary>SIMD and floating-point registers: V0 to V31.</summary>
    public const int SimdRegisterCount = 32;

    private const int FirstPrivateInterrupt = 16;
    private const int LastPrivateInterrupt = 31;

    private readonly Vcpu _vcpu;
    private readonly Arm64VcpuBackend _backend;

    internal Arm64Vcpu(Vcpu vcpu, Arm64VcpuBackend backend)
    {
        _vcpu = vcpu;
        _backend = backend;
    }

    /// <summary>Its affinity, as MPIDR_EL1 holds it and CPU_ON takes it: 16 vCPUs to a cluster (<see cref="GetAffinity"/>).</summary>
    public ulong Affinity => GetAffinity(_vcpu.Index);

    /// <summary>
    /// What the vCPU does when it is run. vCPU 0 starts as <see cref="Arm64PowerState.On"/>, all others as <see cref="Arm64PowerState.Off"/>: a run of
    /// theirs waits until the guest starts them by PSCI CPU_ON, or until it is cancelled.
    /// </summary>
    /// <remarks>To start a vCPU without PSCI set its registers and then this.</remarks>
    public Arm64PowerState PowerState
    {
        get
        {
            using Vcpu.UseScope use = _vcpu.Use();
            return _backend.PowerState;
        }

        set
        {
            if (!Enum.IsDefined(value))
            {
                throw new ArgumentOutOfRangeException(nameof(value), value, $"{value} is not a member of {nameof(Arm64PowerState)}. Use On or Off.");
            }

            using Vcpu.UseScope use = _vcpu.Use();
            _backend.PowerState = value;
        }
    }

    /// <summary>The affinity of the vCPU of an index: Aff0 counts to 15, Aff1, Aff2 and Aff3 to 255 (Arm ARM, D19.2.118).</summary>
    /// <param name="index">The index, 0 or more.</param>
    public static ulong GetAffinity(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ulong cluster = (ulong)index >> 4;
        return ((ulong)index & 0xF) | ((cluster & 0xFF) << 8) | (((cluster >> 8) & 0xFF) << 16) | ((cluster >> 16) << 32);
    }

    /// <summary>Reads the general registers.</summary>
    public Arm64Registers GetRegisters()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetRegisters(out Arm64Registers registers);
        return registers;
    }

    /// <summary>Writes the general registers.</summary>
    /// <param name="registers">The registers.</param>
    public void SetRegisters(in Arm64Registers registers)
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetRegisters(registers);
    }

    /// <summary>Reads 64-bit registers by name, in one batch where the host can.</summary>
    /// <param name="names">The names.</param>
    /// <param name="values">Gets the values, one per name.</param>
    public void GetRegisters(ReadOnlySpan<Arm64Register> names, Span<ulong> values)
    {
        RegisterArguments.RequireSameLength(names.Length, values.Length);
        RequireDefined(names);
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetRegisters(names, values);
    }

    /// <summary>Writes 64-bit registers by name, in one batch where the host can.</summary>
    /// <param name="names">The names.</param>
    /// <param name="values">The values, one per name.</param>
    public void SetRegisters(ReadOnlySpan<Arm64Register> names, ReadOnlySpan<ulong> values)
    {
        RegisterArguments.RequireSameLength(names.Length, values.Length);
        RequireDefined(names);
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetRegisters(names, values);
    }

    /// <summary>Reads one system register.</summary>
    /// <param name="register">The register.</param>
    /// <exception cref="HypervisorException">The host does not reach it.</exception>
    public ulong GetSystemRegister(Arm64SystemRegister register)
    {
        ulong value = 0;
        GetSystemRegisters(new ReadOnlySpan<Arm64SystemRegister>(in register), new Span<ulong>(ref value));
        return value;
    }

    /// <summary>Writes one system register.</summary>
    /// <param name="register">The register.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="HypervisorException">The host does not reach it, or refuses the value.</exception>
    public void SetSystemRegister(Arm64SystemRegister register, ulong value) => SetSystemRegisters(new Arm64SystemRegisterValue(register, value));

    /// <summary>Reads system registers.</summary>
    /// <param name="registers">The registers.</param>
    /// <param name="values">Gets their values, one per register.</param>
    /// <exception cref="HypervisorException">The host does not reach one of them; the text names it.</exception>
    public void GetSystemRegisters(ReadOnlySpan<Arm64SystemRegister> registers, Span<ulong> values)
    {
        RegisterArguments.RequireSameLength(registers.Length, values.Length);
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetSystemRegisters(registers, values);
    }

    /// <summary>Writes system registers, in order.</summary>
    /// <param name="values">Registers and values.</param>
    /// <exception cref="HypervisorException">The host refuses one; the text names it. Those before it are written.</exception>
    public void SetSystemRegisters(params ReadOnlySpan<Arm64SystemRegisterValue> values)
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetSystemRegisters(values);
    }

    /// <summary>Reads V0 to V31. FPCR and FPSR are system registers.</summary>
    /// <param name="values">Gets 32 values.</param>
    public void GetSimdRegisters(Span<UInt128> values)
    {
        RequireSimd(values.Length);
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetSimdRegisters(values);
    }

    /// <summary>Writes V0 to V31.</summary>
    /// <param name="values">32 values.</param>
    public void SetSimdRegisters(ReadOnlySpan<UInt128> values)
    {
        RequireSimd(values.Length);
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetSimdRegisters(values);
    }

    /// <summary>Sets an interrupt input of the vCPU, where the interrupt controller is the caller's. It stays as it is set.</summary>
    /// <param name="input">The input.</param>
    /// <param name="asserted">Its level. The guest takes the interrupt as soon as PSTATE does not mask it.</param>
    /// <exception cref="InvalidOperationException">The host keeps the interrupt controller.</exception>
    public void SetInterruptInput(Arm64InterruptInput input, bool asserted)
    {
        if (!Enum.IsDefined(input))
        {
            throw new ArgumentOutOfRangeException(nameof(input), input, $"{input} is not a member of {nameof(Arm64InterruptInput)}. Use Irq or Fiq.");
        }

        if (_vcpu.Partition.Interrupts.Mode != InterruptControllerMode.None)
        {
            throw new InvalidOperationException(
                $"The host keeps the GIC. Raise interrupts through {nameof(Partition)}.{nameof(Partition.Interrupts)}, or {nameof(SetPrivateInterrupt)} for those of one vCPU.");
        }

        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetInterruptInput(input, asserted);
    }

    /// <summary>Sets a private peripheral interrupt (PPI) of the vCPU, where the host keeps the GIC.</summary>
    /// <param name="interruptId">Its INTID, 16 to 31 (GICv3 architecture, 2.2).</param>
    /// <param name="asserted">Its level.</param>
    /// <exception cref="InvalidOperationException">The interrupt controller is the caller's.</exception>
    public void SetPrivateInterrupt(int interruptId, bool asserted)
    {
        if (interruptId is < FirstPrivateInterrupt or > LastPrivateInterrupt)
        {
            throw new ArgumentOutOfRangeException(
                nameof(interruptId), interruptId, $"Private peripheral interrupts have INTIDs {FirstPrivateInterrupt} to {LastPrivateInterrupt}, and this is {interruptId}. Shared ones are lines of {nameof(Partition)}.{nameof(Partition.Interrupts)}.");
        }

        if (_vcpu.Partition.Interrupts.Mode == InterruptControllerMode.None)
        {
            throw new InvalidOperationException(
                $"The interrupt controller is the caller's, who decides what reaches a vCPU. Use {nameof(SetInterruptInput)}, or set {nameof(PartitionOptions)}.{nameof(PartitionOptions.InterruptController)}.");
        }

        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetPrivateInterrupt(interruptId, asserted);
    }

    /// <summary>Gives the guest the exception of an undefined instruction at its program counter, to be taken at EL1 (Arm ARM, D1.3.2).</summary>
    public void InjectUndefined()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        Arm64ExceptionEntry.Undefined(_backend);
    }

    /// <summary>
    /// How far the vCPU's virtual counter is behind the host's, in ticks (CNTVOFF_EL2): what is added to it is taken from the guest's time.
    /// </summary>
    public ulong VirtualCounterOffset
    {
        get
        {
            using Vcpu.UseScope use = _vcpu.Use();
            return _backend.VirtualCounterOffset;
        }

        set
        {
            using Vcpu.UseScope use = _vcpu.Use();
            _backend.VirtualCounterOffset = value;
        }
    }

    /// <summary>
    /// Keeps <see cref="VcpuExitKind.Timer"/> from leaving again: set by that exit, cleared by the caller when the guest has ended the timer's interrupt.
    /// Only where the interrupt controller is the caller's.
    /// </summary>
    public bool IsVirtualTimerMasked
    {
        get
        {
            using Vcpu.UseScope use = _vcpu.Use();
            return _backend.IsVirtualTimerMasked;
        }

        set
        {
            using Vcpu.UseScope use = _vcpu.Use();
            _backend.IsVirtualTimerMasked = value;
        }
    }

    /// <summary>
    /// How long until the virtual timer asserts its interrupt: zero where it does now, <see cref="Timeout.InfiniteTimeSpan"/> where it is off or
    /// its interrupt is masked in CNTV_CTL_EL0. What a caller waits for after <see cref="VcpuExitKind.Halt"/>, beside interrupts of its own.
    /// </summary>
    public TimeSpan GetVirtualTimerDelay()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        return _backend.GetVirtualTimerDelay();
    }

    /// <summary>Saves all of the vCPU's state. An access that the last exit left open is completed first.</summary>
    /// <exception cref="NotSupportedException">The host does not offer <see cref="HypervisorFeatures.StateTransfer"/>.</exception>
    public Arm64VcpuState SaveState()
    {
        _vcpu.Partition.Capabilities.Require(HypervisorFeatures.StateTransfer);
        using Vcpu.UseScope use = _vcpu.Use();
        _vcpu.CompletePendingAccess();
        return _backend.SaveState();
    }

    /// <summary>Loads state that was saved on this host or on one like it.</summary>
    /// <param name="state">The state.</param>
    /// <exception cref="HypervisorException">The host refuses a part; the text names it. The vCPU's state is then undefined: dispose of it.</exception>
    public void LoadState(Arm64VcpuState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _vcpu.Partition.Capabilities.Require(HypervisorFeatures.StateTransfer);
        if (state.Simd.Length != SimdRegisterCount)
        {
            throw new ArgumentException($"The state of a vCPU has {SimdRegisterCount} SIMD registers, and this one {state.Simd.Length}.", nameof(state));
        }

        if ((state.Redistributor is not null) != (_vcpu.Partition.Interrupts.Mode == InterruptControllerMode.Full))
        {
            throw new ArgumentException(
                $"The state {(state.Redistributor is null ? "holds no GIC redistributor and the partition keeps one" : "holds a GIC redistributor and the partition keeps none")}. " +
                $"Create the partition with the {nameof(PartitionOptions.InterruptController)} of the one that the state comes from.",
                nameof(state));
        }

        using Vcpu.UseScope use = _vcpu.Use();
        _vcpu.CompletePendingAccess();
        _backend.LoadState(state);
    }

    private static void RequireDefined(ReadOnlySpan<Arm64Register> names)
    {
        foreach (Arm64Register name in names)
        {
            if ((uint)name > (uint)Arm64Register.Pstate)
            {
                throw new ArgumentOutOfRangeException(nameof(names), name, $"{name} is not a member of {nameof(Arm64Register)}.");
            }
        }
    }

    private static void RequireSimd(int count)
    {
        if (count != SimdRegisterCount)
        {
            throw new ArgumentException($"There are {SimdRegisterCount} SIMD registers, and {count} values were given.", "values");
        }
    }
}
