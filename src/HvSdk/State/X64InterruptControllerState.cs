namespace HvSdk;

/// <summary>State of the interrupt chips and the timer that the host keeps for an x86-64 partition, as plain data.</summary>
/// <remarks>Made by <see cref="Partition.SaveState"/>. Parts that the host does not keep are null.</remarks>
public sealed record X64InterruptControllerState
{
    /// <summary>The master 8259A.</summary>
    public X64PicState? PrimaryPic { get; init; }

    /// <summary>The slave 8259A.</summary>
    public X64PicState? SecondaryPic { get; init; }

    /// <summary>The I/O APIC.</summary>
    public X64IoApicState? IoApic { get; init; }

    /// <summary>The 8254 timer.</summary>
    public X64PitState? Pit { get; init; }
}

/// <summary>One 8259A interrupt controller (Intel 8259A data sheet, 231468).</summary>
public sealed record X64PicState
{
    /// <summary>Input levels last seen, for edge detection.</summary>
    public byte LastInputs { get; init; }

    /// <summary>Interrupt request register.</summary>
    public byte Requests { get; init; }

    /// <summary>Interrupt mask register.</summary>
    public byte Mask { get; init; }

    /// <summary>In-service register.</summary>
    public byte InService { get; init; }

    /// <summary>The input with the highest priority.</summary>
    public byte HighestPriority { get; init; }

    /// <summary>Vector of input 0 (ICW2).</summary>
    public byte VectorBase { get; init; }

    /// <summary>A status read gives the in-service register (OCW3).</summary>
    public bool ReadsInService { get; init; }

    /// <summary>Poll command pending (OCW3).</summary>
    public bool Poll { get; init; }

    /// <summary>Special mask mode (OCW3).</summary>
    public bool SpecialMask { get; init; }

    /// <summary>The next initialization word expected, 0 when initialized.</summary>
    public byte InitState { get; init; }

    /// <summary>Automatic end of interrupt (ICW4).</summary>
    public bool AutoEoi { get; init; }

    /// <summary>Rotation on automatic end of interrupt (OCW2).</summary>
    public bool RotateOnAutoEoi { get; init; }

    /// <summary>Special fully nested mode (ICW4).</summary>
    public bool SpecialFullyNested { get; init; }

    /// <summary>Four initialization words (ICW1 asked for ICW4).</summary>
    public bool FourInitWords { get; init; }

    /// <summary>Edge/level control register: a set bit is a level-triggered input.</summary>
    public byte LevelTriggered { get; init; }

    /// <summary>Which bits of the edge/level control register can be set.</summary>
    public byte LevelTriggeredMask { get; init; }
}

/// <summary>The I/O APIC (Intel 82093AA data sheet, 290566).</summary>
public sealed record X64IoApicState
{
    /// <summary>GPA of the register window.</summary>
    public ulong BaseAddress { get; init; }

    /// <summary>The register that the data window shows (IOREGSEL).</summary>
    public uint RegisterSelect { get; init; }

    /// <summary>The I/O APIC's ID.</summary>
    public uint Id { get; init; }

    /// <summary>Inputs that ask for service, a bit per pin.</summary>
    public uint Requests { get; init; }

    /// <summary>The redirection table, an entry per pin.</summary>
    public required ulong[] Redirections { get; init; }
}

/// <summary>The 8254 timer (Intel 8254 data sheet, 231164).</summary>
public sealed record X64PitState
{
    /// <summary>The three counters.</summary>
    public required X64PitChannelState[] Channels { get; init; }

    /// <summary>The speaker's port reads as a plain port: no counter behind it.</summary>
    public bool SpeakerDataOn { get; init; }

    /// <summary>Channel 0 raises no interrupt, because the HPET has taken its place.</summary>
    public bool HpetLegacy { get; init; }
}

/// <summary>One counter of the 8254.</summary>
public sealed record X64PitChannelState
{
    /// <summary>The reload value, 1 to 65,536.</summary>
    public uint Count { get; init; }

    /// <summary>The latched count.</summary>
    public ushort LatchedCount { get; init; }

    /// <summary>Which bytes of the latched count are still to be read.</summary>
    public byte CountLatched { get; init; }

    /// <summary>The status byte is latched.</summary>
    public bool StatusLatched { get; init; }

    /// <summary>The latched status byte.</summary>
    public byte Status { get; init; }

    /// <summary>Which byte the next read gives.</summary>
    public byte ReadState { get; init; }

    /// <summary>Which byte the next write sets.</summary>
    public byte WriteState { get; init; }

    /// <summary>The low byte while the high one is awaited.</summary>
    public byte WriteLatch { get; init; }

    /// <summary>Access mode (control word, RW bits).</summary>
    public byte AccessMode { get; init; }

    /// <summary>Counting mode, 0 to 5.</summary>
    public byte Mode { get; init; }

    /// <summary>The counter counts in BCD.</summary>
    public bool Bcd { get; init; }

    /// <summary>The gate input.</summary>
    public bool Gate { get; init; }

    /// <summary>When the count was loaded, nanoseconds of the host's boot clock.</summary>
    public long CountLoadTime { get; init; }
}
