namespace HvSdk.Emulation;

/// <summary>Extensions that an emulated processor may have (Intel SDM vol. 2A, CPUID).</summary>
[Flags]
public enum X64EmulatorFeatures : ulong
{
    /// <summary>None: the integer instructions of the first x86-64 processors.</summary>
    None = 0,

    /// <summary>x87 floating point.</summary>
    X87 = 1UL << 0,

    /// <summary>MMX.</summary>
    Mmx = 1UL << 1,

    /// <summary>SSE and SSE2, with FXSAVE and FXRSTOR.</summary>
    Sse2 = 1UL << 2,

    /// <summary>SSE3 to SSE4.2.</summary>
    Sse42 = 1UL << 3,

    /// <summary>XSAVE, XRSTOR, XGETBV, XSETBV.</summary>
    Xsave = 1UL << 4,

    /// <summary>AVX.</summary>
    Avx = 1UL << 5,

    /// <summary>AVX2.</summary>
    Avx2 = 1UL << 6,

    /// <summary>CMPXCHG16B.</summary>
    CompareExchange16 = 1UL << 7,

    /// <summary>MOVBE.</summary>
    Movbe = 1UL << 8,

    /// <summary>POPCNT.</summary>
    PopulationCount = 1UL << 9,

    /// <summary>LZCNT; without it the encoding is BSR.</summary>
    LeadingZeroCount = 1UL << 10,

    /// <summary>BMI1 with TZCNT; without it that encoding is BSF.</summary>
    Bmi1 = 1UL << 11,

    /// <summary>BMI2.</summary>
    Bmi2 = 1UL << 12,

    /// <summary>ADCX and ADOX.</summary>
    Adx = 1UL << 13,

    /// <summary>RDFSBASE, WRFSBASE, RDGSBASE, WRGSBASE.</summary>
    FsGsBase = 1UL << 14,

    /// <summary>SMEP.</summary>
    Smep = 1UL << 15,

    /// <summary>SMAP, STAC, CLAC.</summary>
    Smap = 1UL << 16,

    /// <summary>UMIP.</summary>
    Umip = 1UL << 17,

    /// <summary>RDTSCP.</summary>
    Rdtscp = 1UL << 18,

    /// <summary>RDPID.</summary>
    Rdpid = 1UL << 19,

    /// <summary>RDRAND: numbers of the host's generator.</summary>
    Rdrand = 1UL << 20,

    /// <summary>RDSEED: numbers of the host's generator.</summary>
    Rdseed = 1UL << 21,

    /// <summary>INVPCID and CR4.PCIDE.</summary>
    Pcid = 1UL << 22,

    /// <summary>5-level paging.</summary>
    FiveLevelPaging = 1UL << 23,

    /// <summary>CLFLUSHOPT and CLWB.</summary>
    CacheLineFlush = 1UL << 24,

    /// <summary>SYSENTER and SYSEXIT in long mode, as on Intel; without it they are #UD there, as on AMD.</summary>
    SysenterInLongMode = 1UL << 25,

    /// <summary>SYSCALL and SYSRET in protected and compatibility mode, as on AMD; without it they are #UD there, as on Intel.</summary>
    SyscallInProtectedMode = 1UL << 26,

    /// <summary>Whatever the emulator can do.</summary>
    All = (1UL << 27) - 1,
}
