namespace HvSdk.Emulation;

/// <summary>Groups of registers of an <see cref="X64CpuState"/>.</summary>
[Flags]
public enum X64StateGroups
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>General registers, RIP and RFLAGS: <see cref="X64CpuState.GetRegisters"/>.</summary>
    Registers = 1,

    /// <summary>Segments, tables and control registers: <see cref="X64CpuState.SpecialRegisters"/>.</summary>
    SpecialRegisters = 2,

    /// <summary>Debug registers: <see cref="X64CpuState.DebugRegisters"/>.</summary>
    DebugRegisters = 4,

    /// <summary>x87, SSE and AVX state: <see cref="X64CpuState.Xsave"/>.</summary>
    Vector = 8,

    /// <summary><see cref="X64CpuState.Xcr0"/>.</summary>
    Xcr0 = 16,

    /// <summary>Interrupt shadow, NMI blocking and activity.</summary>
    Events = 32,
}
