namespace HvSdk.Emulation;

/// <summary>How an <see cref="X64Emulator"/> behaves.</summary>
public sealed record X64EmulatorOptions
{
    /// <summary>True: exceptions go through the guest's IDT or IVT, with double and triple faults. False: they are returned (<see cref="X64EmulationResult.Exception"/>).</summary>
    public bool DeliverExceptions { get; init; } = true;

    /// <summary>Which features the processor has; an instruction of another one raises #UD.</summary>
    public X64EmulatorFeatures Features { get; init; } = X64EmulatorFeatures.All;

    /// <summary>Width of a physical address in bits, 32 to 52; or 0: what CPUID 0x80000008 of the machine says, asked for once.</summary>
    public int PhysicalAddressBits { get; init; }
}
