using HvSdk.Backends;

namespace HvSdk;

/// <summary>The x86-64 registers and state of a <see cref="Vcpu"/>. Thread rules and errors are those of the vCPU.</summary>
public sealed class X64Vcpu
{
    private readonly Vcpu _vcpu;
    private readonly X64VcpuBackend _backend;

    internal X64Vcpu(Vcpu vcpu, X64VcpuBackend backend)
    {
        _vcpu = vcpu;
        _backend = backend;
    }

    /// <summary>Frequency of the vCPU's time-stamp counter in hertz.</summary>
    public long TscFrequency
    {
        get
        {
            using Vcpu.UseScope use = _vcpu.Use();
            return _backend.TscFrequency;
        }
    }

    /// <summary>
    /// The guest can take an external interrupt at the next run: its interrupts are enabled, no shadow blocks them, none is on its way. Known
    /// from the last exit; never where the host keeps the whole interrupt controller.
    /// </summary>
    public bool CanTakeInterrupt
    {
        get
        {
            using Vcpu.UseScope use = _vcpu.Use();
            return _backend.CanTakeInterrupt;
        }
    }

    /// <summary>Reads the general registers.</summary>
    public X64Registers GetRegisters()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetRegisters(out X64Registers registers);
        return registers;
    }

    /// <summary>Writes the general registers.</summary>
    /// <param name="registers">The registers.</param>
    public void SetRegisters(in X64Registers registers)
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetRegisters(registers);
    }

    /// <summary>Reads 64-bit registers by name, in one batch where the host can.</summary>
    /// <param name="names">The names.</param>
    /// <param name="values">Gets the values, one per name.</param>
    public void GetRegisters(ReadOnlySpan<X64Register> names, Span<ulong> values)
    {
        RegisterArguments.RequireSameLength(names.Length, values.Length);
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetRegisters(names, values);
    }

    /// <summary>Writes 64-bit registers by name, in one batch where the host can.</summary>
    /// <param name="names">The names.</param>
    /// <param name="values">The values, one per name.</param>
    public void SetRegisters(ReadOnlySpan<X64Register> names, ReadOnlySpan<ulong> values)
    {
        RegisterArguments.RequireSameLength(names.Length, values.Length);
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetRegisters(names, values);
    }

    /// <summary>Reads segments, tables and control registers.</summary>
    public X64SpecialRegisters GetSpecialRegisters()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetSpecialRegisters(out X64SpecialRegisters registers);
        return registers;
    }

    /// <summary>Writes segments, tables and control registers.</summary>
    /// <param name="registers">The registers.</param>
    /// <exception cref="HypervisorException">The host refuses the combination.</exception>
    public void SetSpecialRegisters(in X64SpecialRegisters registers)
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetSpecialRegisters(registers);
    }

    /// <summary>Reads the guest's debug registers.</summary>
    public X64DebugRegisters GetDebugRegisters()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetDebugRegisters(out X64DebugRegisters registers);
        return registers;
    }

    /// <summary>Writes the guest's debug registers.</summary>
    /// <param name="registers">The registers.</param>
    public void SetDebugRegisters(in X64DebugRegisters registers)
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetDebugRegisters(registers);
    }

    /// <summary>Reads x87, SSE and extended state in the standard (not compacted) XSAVE format (Intel SDM vol. 1, 13.4).</summary>
    public byte[] GetXsave()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        return _backend.GetXsave();
    }

    /// <summary>Writes x87, SSE and extended state.</summary>
    /// <param name="xsave">The area in the standard format: 576 bytes (legacy region and header) or more.</param>
    /// <exception cref="ArgumentException">The area is shorter than that.</exception>
    public void SetXsave(ReadOnlySpan<byte> xsave)
    {
        if (xsave.Length < MinXsaveSize)
        {
            throw new ArgumentException($"An XSAVE area holds at least {MinXsaveSize} bytes, and this one {xsave.Length}.", nameof(xsave));
        }

        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetXsave(xsave);
    }

    /// <summary>Reads the extended control registers.</summary>
    public X64XcrValue[] GetXcrs()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        return _backend.GetXcrs();
    }

    /// <summary>Writes extended control registers.</summary>
    /// <param name="xcrs">The registers.</param>
    public void SetXcrs(params ReadOnlySpan<X64XcrValue> xcrs)
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetXcrs(xcrs);
    }

    /// <summary>Reads one model-specific register.</summary>
    /// <param name="index">Its index.</param>
    /// <exception cref="HypervisorException">The host does not know it.</exception>
    public ulong GetMsr(uint index)
    {
        ulong value = 0;
        GetMsrs(new ReadOnlySpan<uint>(in index), new Span<ulong>(ref value));
        return value;
    }

    /// <summary>Writes one model-specific register.</summary>
    /// <param name="index">Its index.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="HypervisorException">The host does not know it, or refuses the value.</exception>
    public void SetMsr(uint index, ulong value) => SetMsrs(new X64MsrValue(index, value));

    /// <summary>Reads model-specific registers.</summary>
    /// <param name="indexes">Their indexes.</param>
    /// <param name="values">Gets their values, one per index.</param>
    /// <exception cref="HypervisorException">The host does not know one of them; the text names it.</exception>
    public void GetMsrs(ReadOnlySpan<uint> indexes, Span<ulong> values)
    {
        RegisterArguments.RequireSameLength(indexes.Length, values.Length);
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.GetMsrs(indexes, values);
    }

    /// <summary>Writes model-specific registers, in order.</summary>
    /// <param name="msrs">Indexes and values.</param>
    /// <exception cref="HypervisorException">The host refuses one; the text names it. Those before it are written.</exception>
    public void SetMsrs(params ReadOnlySpan<X64MsrValue> msrs)
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.SetMsrs(msrs);
    }

    /// <summary>The CPUID answers of this vCPU.</summary>
    /// <returns>A table of the caller's own; changing it changes nothing.</returns>
    public X64CpuidTable GetCpuid()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        return _backend.GetCpuid();
    }

    /// <summary>Puts an external interrupt on its way. Look at <see cref="CanTakeInterrupt"/> first.</summary>
    /// <param name="vector">The vector.</param>
    /// <remarks>
    /// With <see cref="InterruptControllerMode.None"/> any interrupt; with <see cref="InterruptControllerMode.PerVcpu"/> one of a caller's own 8259A pair (ExtINT),
    /// which the guest takes where its local APIC lets it: at LINT0, or with the APIC off.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The host keeps the whole interrupt controller, or the guest cannot take an interrupt now.</exception>
    public void InjectInterrupt(byte vector)
    {
        RequireOwnController();
        using Vcpu.UseScope use = _vcpu.Use();
        if (!_backend.CanTakeInterrupt)
        {
            throw new InvalidOperationException(
                $"The guest cannot take interrupt {vector} now. Call {nameof(RequestInterruptWindow)} and inject at the {nameof(VcpuExitKind.InterruptWindow)} exit.");
        }

        _backend.InjectInterrupt(vector);
    }

    /// <summary>Raises an NMI; the guest takes it at the next run, or when it ends the one before.</summary>
    public void InjectNmi()
    {
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.InjectNmi();
    }

    /// <summary>Asks that the guest leaves with <see cref="VcpuExitKind.InterruptWindow"/> as soon as it can take an external interrupt, once.</summary>
    /// <param name="enabled">False takes the request back.</param>
    /// <exception cref="InvalidOperationException">The host keeps the whole interrupt controller.</exception>
    public void RequestInterruptWindow(bool enabled = true)
    {
        RequireOwnController();
        using Vcpu.UseScope use = _vcpu.Use();
        _backend.RequestInterruptWindow(enabled);
    }

    /// <summary>What the vCPU does when it is run: execute, sleep in HLT, or wait to be started.</summary>
    public X64ActivityState Activity
    {
        get
        {
            using Vcpu.UseScope use = _vcpu.Use();
            return _backend.Activity;
        }
    }

    /// <summary>Saves all of the vCPU's state. An access that the last exit left open is completed first.</summary>
    /// <exception cref="NotSupportedException">The host does not offer <see cref="HypervisorFeatures.StateTransfer"/>.</exception>
    public X64VcpuState SaveState()
    {
        _vcpu.Partition.Capabilities.Require(HypervisorFeatures.StateTransfer);
        using Vcpu.UseScope use = _vcpu.Use();
        _vcpu.CompletePendingAccess();
        return _backend.SaveState();
    }

    /// <summary>Loads state that was saved on this host or on one like it, into a vCPU of the same CPUID table.</summary>
    /// <param name="state">The state.</param>
    /// <exception cref="HypervisorException">The host refuses a part; the text names it. The vCPU's state is then undefined: dispose of it.</exception>
    public void LoadState(X64VcpuState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _vcpu.Partition.Capabilities.Require(HypervisorFeatures.StateTransfer);
        if (state.LocalApic is { Length: not LocalApicSize })
        {
            throw new ArgumentException($"The state of a local APIC has {LocalApicSize} bytes, and this one {state.LocalApic.Length}.", nameof(state));
        }

        if (state.Xsave.Length < MinXsaveSize)
        {
            throw new ArgumentException($"An XSAVE area holds at least {MinXsaveSize} bytes, and this one {state.Xsave.Length}.", nameof(state));
        }

        if ((state.LocalApic is not null) != (_vcpu.Partition.Interrupts.Mode != InterruptControllerMode.None))
        {
            throw new ArgumentException(
                $"The state {(state.LocalApic is null ? "holds no local APIC and the partition keeps one" : "holds a local APIC and the partition keeps none")}. " +
                $"Create the partition with the {nameof(PartitionOptions.InterruptController)} of the one that the state comes from.",
                nameof(state));
        }

        using Vcpu.UseScope use = _vcpu.Use();
        _vcpu.CompletePendingAccess();
        _backend.LoadState(state);
    }

    private const int MinXsaveSize = 512 + 64;
    private const int LocalApicSize = 1024;

    private void RequireOwnController()
    {
        if (_vcpu.Partition.Interrupts.Mode == InterruptControllerMode.Full)
        {
            throw new InvalidOperationException(
                $"The host keeps the whole interrupt controller. Raise interrupts through {nameof(Partition)}.{nameof(Partition.Interrupts)}.");
        }
    }
}
