namespace HvSdk;

/// <summary>A model-specific register and its value.</summary>
/// <param name="Index">The index that RDMSR and WRMSR take in ECX.</param>
/// <param name="Value">The value.</param>
public readonly record struct X64MsrValue(uint Index, ulong Value);

/// <summary>A run of model-specific registers whose accesses leave the guest (<see cref="X64PartitionOptions.MsrExits"/>).</summary>
/// <param name="First">Index of the first register.</param>
/// <param name="Count">How many, 1 to 0x3000.</param>
/// <param name="Access">Which accesses leave.</param>
public readonly record struct X64MsrRange(uint First, int Count, X64MsrAccess Access = X64MsrAccess.ReadWrite);

/// <summary>Directions of access to a model-specific register.</summary>
[Flags]
public enum X64MsrAccess
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>RDMSR.</summary>
    Read = 1,

    /// <summary>WRMSR.</summary>
    Write = 2,

    /// <summary>Both.</summary>
    ReadWrite = Read | Write,
}

/// <summary>Indexes of the architectural model-specific registers that HvSdk and its tests name (Intel SDM vol. 4).</summary>
public static class X64MsrIndex
{
    /// <summary>IA32_TIME_STAMP_COUNTER.</summary>
    public const uint TimeStampCounter = 0x10;

    /// <summary>IA32_APIC_BASE.</summary>
    public const uint ApicBase = 0x1B;

    /// <summary>IA32_SYSENTER_CS.</summary>
    public const uint SysenterCs = 0x174;

    /// <summary>IA32_SYSENTER_ESP.</summary>
    public const uint SysenterEsp = 0x175;

    /// <summary>IA32_SYSENTER_EIP.</summary>
    public const uint SysenterEip = 0x176;

    /// <summary>IA32_PAT.</summary>
    public const uint Pat = 0x277;

    /// <summary>IA32_TSC_DEADLINE.</summary>
    public const uint TscDeadline = 0x6E0;

    /// <summary>IA32_EFER.</summary>
    public const uint Efer = 0xC000_0080;

    /// <summary>IA32_STAR.</summary>
    public const uint Star = 0xC000_0081;

    /// <summary>IA32_LSTAR.</summary>
    public const uint Lstar = 0xC000_0082;

    /// <summary>IA32_FMASK.</summary>
    public const uint Fmask = 0xC000_0084;

    /// <summary>IA32_FS_BASE.</summary>
    public const uint FsBase = 0xC000_0100;

    /// <summary>IA32_GS_BASE.</summary>
    public const uint GsBase = 0xC000_0101;

    /// <summary>IA32_KERNEL_GS_BASE.</summary>
    public const uint KernelGsBase = 0xC000_0102;
}
