namespace HvSdk;

/// <summary>The general-purpose registers, the instruction pointer and the flags of an x86-64 vCPU (Intel SDM vol. 1, 3.4).</summary>
/// <remarks>Read and written as a whole through <see cref="X64Vcpu.GetRegisters()"/> and <see cref="X64Vcpu.SetRegisters(in X64Registers)"/>.</remarks>
public record struct X64Registers
{
    /// <summary>Accumulator.</summary>
    public ulong Rax { get; set; }

    /// <summary>Base.</summary>
    public ulong Rbx { get; set; }

    /// <summary>Counter of string and loop instructions.</summary>
    public ulong Rcx { get; set; }

    /// <summary>Data; the port of variable-port I/O.</summary>
    public ulong Rdx { get; set; }

    /// <summary>Source index of string instructions.</summary>
    public ulong Rsi { get; set; }

    /// <summary>Destination index of string instructions.</summary>
    public ulong Rdi { get; set; }

    /// <summary>Stack pointer.</summary>
    public ulong Rsp { get; set; }

    /// <summary>Frame pointer.</summary>
    public ulong Rbp { get; set; }

    /// <summary>Register 8 (64-bit mode only, like the seven after it).</summary>
    public ulong R8 { get; set; }

    /// <summary>Register 9.</summary>
    public ulong R9 { get; set; }

    /// <summary>Register 10.</summary>
    public ulong R10 { get; set; }

    /// <summary>Register 11.</summary>
    public ulong R11 { get; set; }

    /// <summary>Register 12.</summary>
    public ulong R12 { get; set; }

    /// <summary>Register 13.</summary>
    public ulong R13 { get; set; }

    /// <summary>Register 14.</summary>
    public ulong R14 { get; set; }

    /// <summary>Register 15.</summary>
    public ulong R15 { get; set; }

    /// <summary>Instruction pointer: an offset from the base of CS.</summary>
    public ulong Rip { get; set; }

    /// <summary>Flags; bit 1 reads as one on every processor (<see cref="X64Flags"/>).</summary>
    public ulong Rflags { get; set; }
}
