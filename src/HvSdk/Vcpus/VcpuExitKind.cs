namespace HvSdk;

/// <summary>Why a vCPU left the guest.</summary>
public enum VcpuExitKind
{
    /// <summary>The host gave a reason that HvSdk gives no meaning: <see cref="VcpuExit.RawReason"/> and <see cref="VcpuExit.RawData"/> hold it.</summary>
    Unknown,

    /// <summary><see cref="Vcpu.Cancel"/> was called; the vCPU is at an instruction boundary with no access pending.</summary>
    Canceled,

    /// <summary>The guest reads from an I/O port (x64); it gets what <see cref="VcpuExit.Data"/> holds at the next run.</summary>
    PortRead,

    /// <summary>The guest writes to an I/O port (x64).</summary>
    PortWrite,

    /// <summary>The guest reads from a GPA with no readable memory; it gets what <see cref="VcpuExit.Data"/> holds at the next run.</summary>
    MmioRead,

    /// <summary>The guest writes to a GPA with no writable memory.</summary>
    MmioWrite,

    /// <summary>The guest reads a system register (x64: RDMSR; arm64: MRS) that leaves by the partition's choice.</summary>
    RegisterRead,

    /// <summary>The guest writes a system register (x64: WRMSR; arm64: MSR) that leaves by the partition's choice.</summary>
    RegisterWrite,

    /// <summary>The guest calls the host (arm64: HVC and SMC, the number is X0); the answer goes to <see cref="VcpuExit.Data"/>.</summary>
    Hypercall,

    /// <summary>The guest waits for an interrupt (x64: HLT; arm64: WFI) and the host keeps no interrupt controller that could wait for it.</summary>
    Halt,

    /// <summary>The vCPU cannot go on (x64: a triple fault). Its state is undefined until it is reset.</summary>
    Shutdown,

    /// <summary>The guest can take an external interrupt now, as asked by <see cref="X64Vcpu.RequestInterruptWindow"/>.</summary>
    InterruptWindow,

    /// <summary>The guest has ended a level-triggered interrupt; <see cref="VcpuExit.Vector"/> names it.</summary>
    EndOfInterrupt,

    /// <summary>The guest has changed the task priority (x64: CR8) where the local interrupt controller is the caller's.</summary>
    TaskPriority,

    /// <summary>The guest asks the platform for something: power off, reset (<see cref="VcpuExit.SystemEvent"/>).</summary>
    SystemEvent,

    /// <summary>A breakpoint or a single step (<see cref="VcpuExit.DebugCause"/>).</summary>
    Debug,

    /// <summary>The host had to emulate an instruction and cannot: <see cref="VcpuExit.InstructionBytes"/> holds it where the host gives it.</summary>
    EmulationFailure,

    /// <summary>The processor refused the vCPU's state; <see cref="VcpuExit.RawReason"/> holds its reason.</summary>
    EntryFailure,

    /// <summary>The guest touched memory that the host cannot provide as asked (<see cref="VcpuExit.Address"/>).</summary>
    MemoryFault,

    /// <summary>
    /// The guest's virtual timer asserts its interrupt (arm64: CNTV) and the host keeps no controller that could raise it. It does not leave again
    /// until <see cref="Arm64Vcpu.IsVirtualTimerMasked"/> is cleared.
    /// </summary>
    Timer,

    /// <summary>The host has given up on the vCPU for a reason of its own (<see cref="VcpuExit.RawReason"/>, <see cref="VcpuExit.RawData"/>).</summary>
    HostFailure,
}
