namespace HvSdk.Emulation.Differential;

/// <summary>Where the tables of system cases lie: behind the machine's own descriptors, and in memory that other cases leave alone.</summary>
internal static class SystemMap
{
    /// <summary>Selector of the first of 16 descriptors: for each privilege level code of 32, 64 and 16 bits, and data.</summary>
    public const ushort Levels = 0x100;

    /// <summary>Selector of the first system descriptor. Each has 16 bytes, of which protected mode uses 8.</summary>
    public const ushort Systems = 0x180;

    /// <summary>How many there are.</summary>
    public const int SystemCount = 12;

    /// <summary>Selector of the first random descriptor of code or data.</summary>
    public const ushort Wild = 0x240;

    /// <summary>How many there are.</summary>
    public const int WildCount = 16;

    /// <summary>First byte after the GDT.</summary>
    public const ushort GdtEnd = Wild + (WildCount * sizeof(ulong));

    /// <summary>The local descriptor table: random descriptors of code and data.</summary>
    public const ulong LocalTable = 0x1400;

    /// <summary>How many there are.</summary>
    public const int LocalCount = 8;

    /// <summary>First vector whose gate is random, besides those of INT3 and INTO.</summary>
    public const int FirstVector = 0x20;

    /// <summary>How many there are.</summary>
    public const int VectorCount = 16;

    /// <summary>The model-specific registers that system cases set and compare.</summary>
    public static ReadOnlySpan<uint> Msrs =>
    [
        X64MsrIndex.Star, X64MsrIndex.Lstar, CompatibilityStar, X64MsrIndex.Fmask,
        X64MsrIndex.SysenterCs, X64MsrIndex.SysenterEsp, X64MsrIndex.SysenterEip, X64MsrIndex.KernelGsBase,
    ];

    /// <summary>CSTAR: where SYSCALL of compatibility mode goes. (AMD64 APM vol. 2, 6.1.1)</summary>
    public const uint CompatibilityStar = 0xC000_0083;
}

/// <summary>What a system case starts with besides registers and memory.</summary>
/// <param name="Registers">The special registers.</param>
/// <param name="Debug">The debug registers.</param>
/// <param name="Msrs">Values of <see cref="SystemMap.Msrs"/>.</param>
public sealed record SystemState(X64SpecialRegisters Registers, X64DebugRegisters Debug, IReadOnlyList<ulong> Msrs);
