namespace HvSdk;

/// <summary>Names of the 64-bit registers that <see cref="Arm64Vcpu.GetRegisters(ReadOnlySpan{Arm64Register}, Span{ulong})"/> reads in one batch.</summary>
public enum Arm64Register
{
    /// <summary>X0.</summary>
    X0,

    /// <summary>X1.</summary>
    X1,

    /// <summary>X2.</summary>
    X2,

    /// <summary>X3.</summary>
    X3,

    /// <summary>X4.</summary>
    X4,

    /// <summary>X5.</summary>
    X5,

    /// <summary>X6.</summary>
    X6,

    /// <summary>X7.</summary>
    X7,

    /// <summary>X8.</summary>
    X8,

    /// <summary>X9.</summary>
    X9,

    /// <summary>X10.</summary>
    X10,

    /// <summary>X11.</summary>
    X11,

    /// <summary>X12.</summary>
    X12,

    /// <summary>X13.</summary>
    X13,

    /// <summary>X14.</summary>
    X14,

    /// <summary>X15.</summary>
    X15,

    /// <summary>X16.</summary>
    X16,

    /// <summary>X17.</summary>
    X17,

    /// <summary>X18.</summary>
    X18,

    /// <summary>X19.</summary>
    X19,

    /// <summary>X20.</summary>
    X20,

    /// <summary>X21.</summary>
    X21,

    /// <summary>X22.</summary>
    X22,

    /// <summary>X23.</summary>
    X23,

    /// <summary>X24.</summary>
    X24,

    /// <summary>X25.</summary>
    X25,

    /// <summary>X26.</summary>
    X26,

    /// <summary>X27.</summary>
    X27,

    /// <summary>X28.</summary>
    X28,

    /// <summary>X29, the frame pointer.</summary>
    X29,

    /// <summary>X30, the link register.</summary>
    X30,

    /// <summary>Program counter.</summary>
    Pc,

    /// <summary>PSTATE as SPSR_ELx lays it out (<see cref="Arm64Pstate"/>).</summary>
    Pstate,
}
