namespace HvSdk.Emulation;

/// <summary>The bits of RFLAGS, and of some other registers, that the core does not name (Intel SDM vol. 1, 3.4.3).</summary>
internal static class FlagBits
{
    internal const ulong C = 1UL << 0;
    internal const ulong P = 1UL << 2;
    internal const ulong A = 1UL << 4;
    internal const ulong Z = 1UL << 6;
    internal const ulong S = 1UL << 7;
    internal const ulong T = 1UL << 8;
    internal const ulong I = 1UL << 9;
    internal const ulong D = 1UL << 10;
    internal const ulong O = 1UL << 11;
    internal const ulong Iopl = 3UL << 12;
    internal const ulong Nt = 1UL << 14;
    internal const ulong Rf = 1UL << 16;
    internal const ulong Vm = 1UL << 17;
    internal const ulong Ac = 1UL << 18;
    internal const ulong Vif = 1UL << 19;
    internal const ulong Vip = 1UL << 20;
    internal const ulong Id = 1UL << 21;

    /// <summary>The six flags of arithmetic.</summary>
    internal const ulong Arithmetic = C | P | A | Z | S | O;

    /// <summary>All that exist; others read as 0 but for bit 1.</summary>
    internal const ulong Implemented = Arithmetic | T | I | D | Iopl | Nt | Rf | Vm | Ac | Vif | Vip | Id;

    internal const ulong Cr0TaskSwitched = 1UL << 3;
    internal const ulong Cr0AlignmentMask = 1UL << 18;

    internal const ulong Cr4Vme = 1UL << 0;
    internal const ulong Cr4Pvi = 1UL << 1;
    internal const ulong Cr4TimeStampDisable = 1UL << 2;
    internal const ulong Cr4DebuggingExtensions = 1UL << 3;
    internal const ulong Cr4MachineCheck = 1UL << 6;
    internal const ulong Cr4GlobalPages = 1UL << 7;
    internal const ulong Cr4PerformanceCounters = 1UL << 8;
    internal const ulong Cr4Umip = 1UL << 11;
    internal const ulong Cr4FiveLevels = 1UL << 12;
    internal const ulong Cr4FsGsBase = 1UL << 16;
    internal const ulong Cr4Pcid = 1UL << 17;
    internal const ulong Cr4Smep = 1UL << 20;
    internal const ulong Cr4Smap = 1UL << 21;
    internal const ulong Cr4ProtectionKeys = 1UL << 22;

    internal const ulong Dr6SingleStep = 1UL << 14;
    internal const ulong Dr6GeneralDetect = 1UL << 13;
    internal const ulong Dr7GeneralDetect = 1UL << 13;
}
