namespace HvSdk.Devices.Virtio;

/// <summary>How much a guest may do in a second.</summary>
/// <remarks>Guests are held to it on average; after a time of quiet they may do a burst at once. A device keeps it over resets.</remarks>
public sealed record RateLimit
{
    /// <summary>Sets a limit.</summary>
    /// <param name="perSecond">Units in a second, at least 1.</param>
    /// <param name="burst">Units at once after a time of quiet, at least 1; null: those of one second. Bursts of less than two milliseconds' worth make the limit lower than it is, as timers are no finer.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is less than 1.</exception>
    public RateLimit(long perSecond, long? burst = null)
    {
        if (perSecond < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(perSecond), perSecond, "A rate is at least 1 in a second. Leave the limit out where there is none.");
        }

        if (burst < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(burst), burst, "A burst is at least 1, or the guest would never get anywhere. Leave it out for one second's worth.");
        }

        PerSecond = perSecond;
        Burst = burst ?? perSecond;
    }

    /// <summary>Units in a second.</summary>
    public long PerSecond { get; }

    /// <summary>Units at once after a time of quiet.</summary>
    public long Burst { get; }
}
