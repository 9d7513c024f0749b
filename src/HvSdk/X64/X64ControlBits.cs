namespace HvSdk;

/// <summary>Bits of CR0 (Intel SDM vol. 3A, 2.5).</summary>
public static class X64Cr0
{
    /// <summary>Protection enable.</summary>
    public const ulong ProtectionEnable = 1UL << 0;

    /// <summary>Monitor coprocessor.</summary>
    public const ulong MonitorCoprocessor = 1UL << 1;

    /// <summary>Emulation: no x87.</summary>
    public const ulong Emulation = 1UL << 2;

    /// <summary>Extension type: always one.</summary>
    public const ulong ExtensionType = 1UL << 4;

    /// <summary>Numeric error.</summary>
    public const ulong NumericError = 1UL << 5;

    /// <summary>Write protect: supervisor code obeys read-only pages.</summary>
    public const ulong WriteProtect = 1UL << 16;

    /// <summary>Not write-through.</summary>
    public const ulong NotWriteThrough = 1UL << 29;

    /// <summary>Cache disable.</summary>
    public const ulong CacheDisable = 1UL << 30;

    /// <summary>Paging.</summary>
    public const ulong Paging = 1UL << 31;
}

/// <summary>Bits of CR4 (Intel SDM vol. 3A, 2.5).</summary>
public static class X64Cr4
{
    /// <summary>Page size extensions: 4 MiB pages in 32-bit paging.</summary>
    public const ulong PageSizeExtensions = 1UL << 4;

    /// <summary>Physical address extension; needed for long mode.</summary>
    public const ulong PhysicalAddressExtension = 1UL << 5;

    /// <summary>FXSAVE, FXRSTOR and SSE are enabled by the operating system.</summary>
    public const ulong OsFxsr = 1UL << 9;

    /// <summary>Unmasked SIMD floating-point exceptions are handled.</summary>
    public const ulong OsXmmExceptions = 1UL << 10;

    /// <summary>XSAVE and extended states are enabled by the operating system.</summary>
    public const ulong OsXsave = 1UL << 18;
}

/// <summary>Bits of IA32_EFER, MSR 0xC0000080 (Intel SDM vol. 3A, 2.2.1).</summary>
public static class X64Efer
{
    /// <summary>SYSCALL and SYSRET are enabled.</summary>
    public const ulong SyscallEnable = 1UL << 0;

    /// <summary>Long mode is enabled.</summary>
    public const ulong LongModeEnable = 1UL << 8;

    /// <summary>Long mode is active.</summary>
    public const ulong LongModeActive = 1UL << 10;

    /// <summary>Pages may be marked as not executable.</summary>
    public const ulong NoExecuteEnable = 1UL << 11;
}
