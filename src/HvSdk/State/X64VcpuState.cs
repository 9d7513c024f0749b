namespace HvSdk;

/// <summary>All state of one x86-64 vCPU as plain data: no field is shaped by a backend, each can be serialized as it is.</summary>
/// <remarks>Made by <see cref="X64Vcpu.SaveState"/>, put back by <see cref="X64Vcpu.LoadState"/>.</remarks>
public sealed record X64VcpuState
{
    /// <summary>General registers.</summary>
    public required X64Registers Registers { get; init; }

    /// <summary>Segments, tables and control registers.</summary>
    public required X64SpecialRegisters SpecialRegisters { get; init; }

    /// <summary>The guest's debug registers.</summary>
    public required X64DebugRegisters DebugRegisters { get; init; }

    /// <summary>x87, SSE and extended state in the standard (not compacted) XSAVE format (Intel SDM vol. 1, 13.4).</summary>
    public required byte[] Xsave { get; init; }

    /// <summary>Extended control registers.</summary>
    public required X64XcrValue[] Xcrs { get; init; }

    /// <summary>Model-specific registers, the time-stamp counter among them.</summary>
    public required X64MsrValue[] Msrs { get; init; }

    /// <summary>Exceptions, interrupts and NMIs on their way to the guest.</summary>
    public required X64PendingEvents Events { get; init; }

    /// <summary>Whether the vCPU runs, halts or waits to be started.</summary>
    public required X64ActivityState Activity { get; init; }

    /// <summary>
    /// The local APIC's registers, 1 KiB laid out as the APIC page (Intel SDM vol. 3A, table 11-1), or null where the host keeps no local APIC.
    /// </summary>
    public byte[]? LocalApic { get; init; }
}

/// <summary>What is pending or blocked at an instruction boundary (Intel SDM vol. 3A, 6.9; vol. 3C, 25.4.2 names the same things).</summary>
public sealed record X64PendingEvents
{
    /// <summary>Vector of the exception being delivered or pending, or null.</summary>
    public byte? ExceptionVector { get; init; }

    /// <summary>The exception has been taken out of the guest and is being delivered; false: it is pending and may still be intercepted.</summary>
    public bool ExceptionInjected { get; init; }

    /// <summary>The exception's error code, or null where it has none.</summary>
    public uint? ExceptionErrorCode { get; init; }

    /// <summary>CR2 or DR6 of a pending exception, where it has not reached the register yet.</summary>
    public ulong? ExceptionPayload { get; init; }

    /// <summary>Vector of the interrupt being delivered, or null.</summary>
    public byte? InterruptVector { get; init; }

    /// <summary>The interrupt comes from an INT instruction.</summary>
    public bool InterruptIsSoftware { get; init; }

    /// <summary>Interrupts are blocked for one instruction after MOV SS or POP SS.</summary>
    public bool BlockedByMovSs { get; init; }

    /// <summary>Interrupts are blocked for one instruction after STI.</summary>
    public bool BlockedBySti { get; init; }

    /// <summary>An NMI is being delivered.</summary>
    public bool NmiInjected { get; init; }

    /// <summary>NMIs waiting to be delivered, 0 to 2.</summary>
    public int NmiPending { get; init; }

    /// <summary>NMIs are blocked until IRET.</summary>
    public bool NmiMasked { get; init; }

    /// <summary>The page of a start-up IPI that has arrived and was not acted on, or null.</summary>
    public byte? StartupVector { get; init; }

    /// <summary>The vCPU is in system-management mode.</summary>
    public bool InSystemManagementMode { get; init; }

    /// <summary>A system-management interrupt is pending.</summary>
    public bool SmiPending { get; init; }
}

/// <summary>What a vCPU does when it is run.</summary>
public enum X64ActivityState
{
    /// <summary>It executes instructions.</summary>
    Running,

    /// <summary>It waits in HLT for an interrupt.</summary>
    Halted,

    /// <summary>It was never started: it waits for INIT.</summary>
    WaitForInit,

    /// <summary>INIT has arrived; it waits for a start-up IPI.</summary>
    WaitForStartup,

    /// <summary>A start-up IPI has arrived and was not acted on.</summary>
    StartupReceived,
}
