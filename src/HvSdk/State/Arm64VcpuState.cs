namespace HvSdk;

/// <summary>All state of one AArch64 vCPU as plain data: no field is shaped by a backend, each can be serialized as it is.</summary>
/// <remarks>Made by <see cref="Arm64Vcpu.SaveState"/>, put back by <see cref="Arm64Vcpu.LoadState"/>.</remarks>
public sealed record Arm64VcpuState
{
    /// <summary>General registers.</summary>
    public required Arm64Registers Registers { get; init; }

    /// <summary>System registers, those of the GIC's CPU interface among them where the host keeps it.</summary>
    public required Arm64SystemRegisterValue[] SystemRegisters { get; init; }

    /// <summary>V0 to V31.</summary>
    public required UInt128[] Simd { get; init; }

    /// <summary>Whether the vCPU is on.</summary>
    public required Arm64PowerState PowerState { get; init; }

    /// <summary>A CPU_ON that the vCPU has not acted on yet, or null.</summary>
    public Arm64PendingStart? PendingStart { get; init; }

    /// <summary>The IRQ input is asserted, where the interrupt controller is the caller's.</summary>
    public bool IsIrqAsserted { get; init; }

    /// <summary>The FIQ input is asserted, where the interrupt controller is the caller's.</summary>
    public bool IsFiqAsserted { get; init; }

    /// <summary>The virtual counter when the state was saved, in ticks. Time stands still between saving and loading.</summary>
    public ulong VirtualCounter { get; init; }

    /// <summary><see cref="Arm64Vcpu.IsVirtualTimerMasked"/>.</summary>
    public bool IsVirtualTimerMasked { get; init; }

    /// <summary>The vCPU's GIC redistributor, or null where the host keeps none.</summary>
    public Arm64GicRegisterValue[]? Redistributor { get; init; }

    /// <summary>Levels of the private lines, a bit for each INTID, or null where the host keeps no GIC or shows no level apart from what is pending.</summary>
    public uint? PrivateLineLevels { get; init; }
}

/// <summary>Where a vCPU begins that CPU_ON has started (PSCI, DEN 0022, 5.1.7).</summary>
/// <param name="EntryPoint">GPA of its first instruction.</param>
/// <param name="ContextId">What its X0 holds.</param>
public readonly record struct Arm64PendingStart(ulong EntryPoint, ulong ContextId);
