namespace HvSdk;

/// <summary>How much of the interrupt controller the host keeps.</summary>
public enum InterruptControllerMode
{
    /// <summary>
    /// Nothing: interrupts are put on their way vCPU by vCPU (x64: <see cref="X64Vcpu.InjectInterrupt"/>; arm64: <see cref="Arm64Vcpu.SetInterruptInput"/>), and a halting guest leaves with
    /// <see cref="VcpuExitKind.Halt"/>. The default.
    /// </summary>
    None,

    /// <summary>
    /// Each vCPU's own part (x64: the local APIC; arm64 has no such mode). The rest is the caller's, who sends MSIs and hears of ends of interrupts. A vCPU that halts
    /// sleeps in the host. Interrupts of a caller's own 8259A pair (x64) go to a vCPU by <see cref="X64Vcpu.InjectInterrupt"/>.
    /// </summary>
    PerVcpu,

    /// <summary>All of it (x64: local APICs, I/O APIC, 8259A pair; arm64: GIC). A vCPU that halts sleeps in the host.</summary>
    Full,
}
