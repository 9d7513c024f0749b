namespace HvSdk.Devices.Emulated;

/// <summary>The state of a <see cref="GicV3"/>.</summary>
public sealed record GicV3State
{
    /// <summary>GICD_CTLR.</summary>
    public uint Control { get; init; }

    /// <summary>The shared interrupts.</summary>
    public required GicV3InterruptsState Shared { get; init; }

    /// <summary>GICD_IROUTER of each shared interrupt.</summary>
    public required IReadOnlyList<ulong> Routes { get; init; }

    /// <summary>The processors, by index.</summary>
    public required IReadOnlyList<GicV3ProcessorState> Processors { get; init; }
}

/// <summary>The state of some interrupts of a <see cref="GicV3"/>: 32 to a word, bit 0 of the first word for the first of them.</summary>
public sealed record GicV3InterruptsState
{
    /// <summary>In group 1.</summary>
    public required IReadOnlyList<uint> Groups { get; init; }

    /// <summary>Enabled.</summary>
    public required IReadOnlyList<uint> Enabled { get; init; }

    /// <summary>Pending by an edge, a message or a register.</summary>
    public required IReadOnlyList<uint> Latched { get; init; }

    /// <summary>The levels of the inputs.</summary>
    public required IReadOnlyList<uint> Lines { get; init; }

    /// <summary>Active.</summary>
    public required IReadOnlyList<uint> Active { get; init; }

    /// <summary>Edge-triggered.</summary>
    public required IReadOnlyList<uint> Edges { get; init; }

    /// <summary>The priority of each interrupt, of which the upper five bits count.</summary>
    public required IReadOnlyList<byte> Priorities { get; init; }
}

/// <summary>The state of one processor's part of a <see cref="GicV3"/>: its redistributor and its interface.</summary>
public sealed record GicV3ProcessorState
{
    /// <summary>Its own interrupts, INTID 0 to 31.</summary>
    public required GicV3InterruptsState Private { get; init; }

    /// <summary>GICR_WAKER.ProcessorSleep.</summary>
    public bool IsAsleep { get; init; }

    /// <summary>ICC_PMR_EL1.</summary>
    public byte PriorityMask { get; init; }

    /// <summary>ICC_BPR0_EL1, 2 to 7.</summary>
    public byte BinaryPoint0 { get; init; }

    /// <summary>ICC_BPR1_EL1, 3 to 7.</summary>
    public byte BinaryPoint1 { get; init; }

    /// <summary>ICC_CTLR_EL1: bits 0 and 1.</summary>
    public byte Control { get; init; }

    /// <summary>ICC_IGRPEN0_EL1.</summary>
    public bool IsGroup0Enabled { get; init; }

    /// <summary>ICC_IGRPEN1_EL1.</summary>
    public bool IsGroup1Enabled { get; init; }

    /// <summary>ICC_AP0R0_EL1.</summary>
    public uint ActivePriorities0 { get; init; }

    /// <summary>ICC_AP1R0_EL1.</summary>
    public uint ActivePriorities1 { get; init; }
}
