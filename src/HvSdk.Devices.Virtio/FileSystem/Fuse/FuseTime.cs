namespace HvSdk.Devices.Virtio;

/// <summary>Times as Linux has them: seconds since 1970, signed, and nanoseconds.</summary>
internal static class FuseTime
{
    /// <summary>Nanoseconds of the smallest step that the server keeps.</summary>
    public const int Granularity = 100;

    private const uint NanosecondsPerSecond = 1_000_000_000;
    private static readonly long s_min = DateTimeOffset.MinValue.ToUnixTimeSeconds();
    private static readonly long s_max = DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    public static (ulong Seconds, uint Nanoseconds) From(DateTimeOffset time)
    {
        long ticks = time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        (long seconds, long rest) = long.DivRem(ticks, TimeSpan.TicksPerSecond);
        if (rest < 0)
        {
            seconds--;
            rest += TimeSpan.TicksPerSecond;
        }

        return ((ulong)seconds, (uint)rest * Granularity);
    }

    public static (ulong Seconds, uint Nanoseconds) From(TimeSpan span) => ((ulong)(span.Ticks / TimeSpan.TicksPerSecond), (uint)(span.Ticks % TimeSpan.TicksPerSecond) * Granularity);

    /// <summary>A time that a guest gave; false where it is none. Those before the year 1 and after 9999 become these.</summary>
    public static bool TryParse(ulong seconds, uint nanoseconds, out DateTimeOffset time)
    {
        long clamped = long.Clamp((long)seconds, s_min, s_max);
        time = DateTimeOffset.FromUnixTimeSeconds(clamped).AddTicks(clamped == (long)seconds ? long.Min(nanoseconds / Granularity, TimeSpan.TicksPerSecond - 1) : 0);
        return nanoseconds < NanosecondsPerSecond;
    }
}
