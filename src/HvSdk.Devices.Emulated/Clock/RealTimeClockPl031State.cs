namespace HvSdk.Devices.Emulated;

/// <summary>State of a <see cref="RealTimeClockPl031"/>, as plain data. The time goes on while the clock is not there: its distance to the host's is kept.</summary>
public sealed record RealTimeClockPl031State
{
    /// <summary>How many seconds the guest's counter is ahead of the host's seconds since 1970, modulo 2^32.</summary>
    public uint Offset { get; init; }

    /// <summary>RTCDR when the state was saved. A match between it and now has come meanwhile. Null: nothing has been compared yet.</summary>
    public uint? Counter { get; init; }

    /// <summary>RTCMR.</summary>
    public uint Match { get; init; }

    /// <summary>RTCLR: what the guest wrote there last.</summary>
    public uint Load { get; init; }

    /// <summary>RTCIMSC: the match interrupts.</summary>
    public bool InterruptEnabled { get; init; }

    /// <summary>RTCRIS: the match has come and was not cleared.</summary>
    public bool InterruptRaised { get; init; }
}
