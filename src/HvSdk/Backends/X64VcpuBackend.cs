namespace HvSdk.Backends;

/// <summary>The x86-64 half of a vCPU of a backend. The thread rules of <see cref="VcpuBackend"/> hold.</summary>
public abstract class X64VcpuBackend
{
    /// <summary>Reads the general registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void GetRegisters(out X64Registers registers);

    /// <summary>Writes the general registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void SetRegisters(in X64Registers registers);

    /// <summary>Reads segments, tables and control registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void GetSpecialRegisters(out X64SpecialRegisters registers);

    /// <summary>Writes segments, tables and control registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void SetSpecialRegisters(in X64SpecialRegisters registers);

    /// <summary>Reads the guest's debug registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void GetDebugRegisters(out X64DebugRegisters registers);

    /// <summary>Writes the guest's debug registers.</summary>
    /// <param name="registers">The registers.</param>
    public abstract void SetDebugRegisters(in X64DebugRegisters registers);

    /// <summary>Reads x87, SSE and extended state in the standard XSAVE format.</summary>
    public abstract byte[] GetXsave();

    /// <summary>Writes x87, SSE and extended state in the standard XSAVE format.</summary>
    /// <param name="xsave">The area, at least 576 bytes.</param>
    public abstract void SetXsave(ReadOnlySpan<byte> xsave);

    /// <summary>Reads the extended control registers.</summary>
    public abstract X64XcrValue[] GetXcrs();

    /// <summary>Writes extended control registers.</summary>
    /// <param name="xcrs">The registers.</param>
    public abstract void SetXcrs(ReadOnlySpan<X64XcrValue> xcrs);

    /// <summary>Reads model-specific registers, all or none.</summary>
    /// <param name="indexes">Their indexes.</param>
    /// <param name="values">Their values, one per index.</param>
    /// <exception cref="HypervisorException">One of them does not exist; the text names it.</exception>
    public abstract void GetMsrs(ReadOnlySpan<uint> indexes, Span<ulong> values);

    /// <summary>Writes model-specific registers in order, up to the first that is refused.</summary>
    /// <param name="msrs">Indexes and values.</param>
    /// <exception cref="HypervisorException">One of them was refused; the text names it.</exception>
    public abstract void SetMsrs(ReadOnlySpan<X64MsrValue> msrs);

    /// <summary>The CPUID answers of this vCPU.</summary>
    public abstract X64CpuidTable GetCpuid();

    /// <summary>Frequency of the time-stamp counter in hertz.</summary>
    public abstract long TscFrequency { get; }

    /// <summary>The guest can take an external interrupt at the next entry: interrupts enabled, not in a shadow, none on its way.</summary>
    public abstract bool CanTakeInterrupt { get; }

    /// <summary>Puts an external interrupt on its way, where the local APIC is the caller's.</summary>
    /// <param name="vector">The vector.</param>
    public abstract void InjectInterrupt(byte vector);

    /// <summary>Raises an NMI.</summary>
    public abstract void InjectNmi();

    /// <summary>Asks for, or no longer for, <see cref="VcpuExitKind.InterruptWindow"/>.</summary>
    /// <param name="enabled">True to ask.</param>
    public abstract void RequestInterruptWindow(bool enabled);

    /// <summary>Saves everything.</summary>
    public abstract X64VcpuState SaveState();

    /// <summary>What the vCPU does when it is run; cheap, since the rest of the state is not asked for.</summary>
    public abstract X64ActivityState Activity { get; }

    /// <summary>Loads everything.</summary>
    /// <param name="state">The state.</param>
    public abstract void LoadState(X64VcpuState state);

    /// <summary>Reads 64-bit registers by name; the default asks for whole groups, each once. A host with batched access overrides it.</summary>
    /// <param name="names">The names.</param>
    /// <param name="values">The values, one per name.</param>
    public virtual void GetRegisters(ReadOnlySpan<X64Register> names, Span<ulong> values) => X64RegisterBatch.Get(this, names, values);

    /// <summary>Writes 64-bit registers by name; the default reads and writes whole groups, each once.</summary>
    /// <param name="names">The names.</param>
    /// <param name="values">The values, one per name.</param>
    public virtual void SetRegisters(ReadOnlySpan<X64Register> names, ReadOnlySpan<ulong> values) => X64RegisterBatch.Set(this, names, values);
}
