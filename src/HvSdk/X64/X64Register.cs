namespace HvSdk;

/// <summary>Names of the 64-bit registers that <see cref="X64Vcpu.GetRegisters(ReadOnlySpan{X64Register}, Span{ulong})"/> reads in one batch.</summary>
public enum X64Register
{
    /// <summary>RAX.</summary>
    Rax,

    /// <summary>RBX.</summary>
    Rbx,

    /// <summary>RCX.</summary>
    Rcx,

    /// <summary>RDX.</summary>
    Rdx,

    /// <summary>RSI.</summary>
    Rsi,

    /// <summary>RDI.</summary>
    Rdi,

    /// <summary>RSP.</summary>
    Rsp,

    /// <summary>RBP.</summary>
    Rbp,

    /// <summary>R8.</summary>
    R8,

    /// <summary>R9.</summary>
    R9,

    /// <summary>R10.</summary>
    R10,

    /// <summary>R11.</summary>
    R11,

    /// <summary>R12.</summary>
    R12,

    /// <summary>R13.</summary>
    R13,

    /// <summary>R14.</summary>
    R14,

    /// <summary>R15.</summary>
    R15,

    /// <summary>RIP.</summary>
    Rip,

    /// <summary>RFLAGS.</summary>
    Rflags,

    /// <summary>CR0.</summary>
    Cr0,

    /// <summary>CR2.</summary>
    Cr2,

    /// <summary>CR3.</summary>
    Cr3,

    /// <summary>CR4.</summary>
    Cr4,

    /// <summary>CR8.</summary>
    Cr8,

    /// <summary>IA32_EFER.</summary>
    Efer,

    /// <summary>IA32_APIC_BASE.</summary>
    ApicBase,

    /// <summary>Base of FS.</summary>
    FsBase,

    /// <summary>Base of GS.</summary>
    GsBase,
}
