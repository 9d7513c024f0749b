namespace HvSdk;

/// <summary>A breakpoint held by the processor, with no change to guest memory.</summary>
/// <param name="Address">Linear address; data breakpoints are aligned to <paramref name="Length"/>.</param>
/// <param name="Kind">What triggers it.</param>
/// <param name="Length">Bytes watched: 1, 2, 4 or 8; 1 for <see cref="HardwareBreakpointKind.Execute"/>.</param>
public readonly record struct HardwareBreakpoint(ulong Address, HardwareBreakpointKind Kind = HardwareBreakpointKind.Execute, int Length = 1);

/// <summary>What triggers a hardware breakpoint.</summary>
public enum HardwareBreakpointKind
{
    /// <summary>Execution of the instruction; the vCPU stops before it.</summary>
    Execute,

    /// <summary>A write; the vCPU stops after the instruction.</summary>
    Write,

    /// <summary>A read or a write; the vCPU stops after the instruction.</summary>
    ReadWrite,
}
