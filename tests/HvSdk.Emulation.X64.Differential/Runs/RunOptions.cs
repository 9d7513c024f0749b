using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>What a run does.</summary>
public sealed record RunOptions
{
    /// <summary>The mode.</summary>
    public required MachineMode Mode { get; init; }

    /// <summary>Cases of system instructions; false: of all others.</summary>
    public bool IsSystem { get; init; }

    /// <summary>Cases of the instructions that save and load x87, SSE and AVX state, at the mode's own privilege level; false: of all others.</summary>
    public bool IsVectorState { get; init; }

    /// <summary>The seed; each case's own follows from it and the case's number.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Cases.</summary>
    public long Count { get; init; } = 1000;

    /// <summary>Number of the first case.</summary>
    public long First { get; init; }

    /// <summary>The run ends after so many divergences.</summary>
    public int MaxDivergences { get; init; } = 20;

    /// <summary>No case begins after this time.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.MaxValue;

    /// <summary>Every so many cases, the case runs once more with its operands in a device instead of RAM.</summary>
    public int DevicePeriod { get; init; } = 4;

    /// <summary>Says of an instruction whether cases may have it.</summary>
    public Func<Code, bool> Accepts { get; init; } = static _ => true;
}
