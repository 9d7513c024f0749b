namespace HvSdk.Devices.Emulated;

/// <summary>State of a <see cref="CmosClock"/>, as plain data. The time goes on while the clock is not there: its distance to the host's is kept.</summary>
public sealed record CmosClockState
{
    /// <summary>All 128 bytes; registers C and D, and a running time, are not read from here.</summary>
    public byte[] Memory { get; init; } = new byte[CmosClock.MemorySize];

    /// <summary>The byte that port 0x71 shows, 0 to 127.</summary>
    public byte Index { get; init; }

    /// <summary>The guest has masked the NMI.</summary>
    public bool NmiMasked { get; init; }

    /// <summary>The flags of register C.</summary>
    public byte Flags { get; init; }

    /// <summary>How far the guest's time is ahead of the host's.</summary>
    public TimeSpan Offset { get; init; }

    /// <summary>How many days the guest's day of the week is ahead of its date's, 0 to 6.</summary>
    public int DayOfWeekOffset { get; init; }
}
