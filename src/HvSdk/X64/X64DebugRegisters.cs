namespace HvSdk;

/// <summary>The guest's own debug registers (Intel SDM vol. 3B, 18.2). Breakpoints set by the host are apart: <see cref="Vcpu.SetDebug"/>.</summary>
public record struct X64DebugRegisters
{
    /// <summary>Address of breakpoint 0.</summary>
    public ulong Dr0 { get; set; }

    /// <summary>Address of breakpoint 1.</summary>
    public ulong Dr1 { get; set; }

    /// <summary>Address of breakpoint 2.</summary>
    public ulong Dr2 { get; set; }

    /// <summary>Address of breakpoint 3.</summary>
    public ulong Dr3 { get; set; }

    /// <summary>Debug status.</summary>
    public ulong Dr6 { get; set; }

    /// <summary>Debug control.</summary>
    public ulong Dr7 { get; set; }
}
