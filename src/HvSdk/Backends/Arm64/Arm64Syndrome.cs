namespace HvSdk.Backends;

/// <summary>The syndrome of an exception that left the guest, as ESR_EL2 holds it (Arm ARM, D19.2.37).</summary>
/// <param name="Value">The register's 64 bits.</param>
public readonly record struct Arm64Syndrome(ulong Value)
{
    private const int ClassShift = 26;
    private const ulong ClassMask = 0x3F;
    private const ulong IssMask = 0x1FF_FFFF;
    private const ulong InstructionSyndromeValid = 1UL << 24;
    private const ulong CacheMaintenance = 1UL << 8;
    private const ulong StageOneWalk = 1UL << 7;
    private const ulong WriteNotRead = 1UL << 6;

    /// <summary>EC: why.</summary>
    public Arm64ExceptionClass Class => (Arm64ExceptionClass)((Value >> ClassShift) & ClassMask);

    /// <summary>ISS: what, in a layout of the class.</summary>
    public uint Iss => (uint)(Value & IssMask);

    /// <summary>ISV of a data abort: the syndrome tells the access (<see cref="Arm64MmioAccess.FromSyndrome"/>).</summary>
    public bool DescribesAccess => (Value & InstructionSyndromeValid) != 0;

    /// <summary>CM of a data abort: a cache maintenance or address translation instruction, no access.</summary>
    public bool IsCacheMaintenance => (Value & CacheMaintenance) != 0;

    /// <summary>S1PTW of an abort: the walk of the guest's own tables touched the address.</summary>
    public bool IsTableWalk => (Value & StageOneWalk) != 0;

    /// <summary>WnR of a data abort.</summary>
    public bool IsWrite => (Value & WriteNotRead) != 0;

    /// <summary>The system register of an MSR, MRS or system instruction that was trapped (ISS of class 0x18).</summary>
    public Arm64SystemRegister SystemRegister => Arm64SystemRegister.Create(
        (int)(Iss >> 20) & 3, (int)(Iss >> 14) & 7, (int)(Iss >> 10) & 15, (int)(Iss >> 1) & 15, (int)(Iss >> 17) & 7);

    /// <summary>The general register that such an instruction reads or writes; 31 is XZR.</summary>
    public int SystemRegisterOperand => (int)(Iss >> 5) & 31;

    /// <summary>Such an instruction reads the system register: MRS.</summary>
    public bool ReadsSystemRegister => (Iss & 1) != 0;

    /// <summary>TI of a trapped WFI or WFE: true where it is one of the WFE kind.</summary>
    public bool IsWaitForEvent => (Iss & 1) != 0;
}

/// <summary>Exception classes of AArch64 that leave a guest (Arm ARM, D19.2.37, table of EC).</summary>
public enum Arm64ExceptionClass
{
    /// <summary>No class of its own: an undefined instruction.</summary>
    Unknown = 0x00,

    /// <summary>WFI, WFE and their kin.</summary>
    WaitFor = 0x01,

    /// <summary>HVC from AArch64; the program counter is behind it.</summary>
    Hvc = 0x16,

    /// <summary>SMC from AArch64; the program counter is at it.</summary>
    Smc = 0x17,

    /// <summary>MSR, MRS or a system instruction.</summary>
    SystemRegister = 0x18,

    /// <summary>An instruction fetch from where there is no memory.</summary>
    InstructionAbort = 0x20,

    /// <summary>A data access to where there is no memory.</summary>
    DataAbort = 0x24,

    /// <summary>A hardware breakpoint.</summary>
    Breakpoint = 0x30,

    /// <summary>A software step.</summary>
    SoftwareStep = 0x32,

    /// <summary>A watchpoint.</summary>
    Watchpoint = 0x34,

    /// <summary>BRK.</summary>
    Brk = 0x3C,
}
