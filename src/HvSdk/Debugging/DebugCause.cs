namespace HvSdk;

/// <summary>What stopped a vCPU that is being debugged.</summary>
public enum DebugCause
{
    /// <summary>Something else: the guest's own debug exception, for one.</summary>
    Unknown,

    /// <summary>One instruction was executed.</summary>
    SingleStep,

    /// <summary>A breakpoint instruction (x64: INT3) was reached; it has not been executed.</summary>
    SoftwareBreakpoint,

    /// <summary>A hardware breakpoint; <see cref="VcpuExit.BreakpointIndex"/> tells which.</summary>
    HardwareBreakpoint,
}
