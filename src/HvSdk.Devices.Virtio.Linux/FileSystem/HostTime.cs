using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>Times between Linux's form, seconds since 1970 and nanoseconds, and .NET's.</summary>
internal static class HostTime
{
    private const int NanosecondsPerTick = 100;
    private static readonly long s_min = DateTimeOffset.MinValue.ToUnixTimeSeconds();
    private static readonly long s_max = DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    /// <summary>A time of the host; those before the year 1 and after 9999 become these.</summary>
    public static DateTimeOffset From(in statx_timestamp time) =>
        DateTimeOffset.FromUnixTimeSeconds(long.Clamp(time.tv_sec, s_min, s_max)).AddTicks(long.Min(time.tv_nsec / NanosecondsPerTick, TimeSpan.TicksPerSecond - 1));

    /// <summary>A time for the host; null: it stays.</summary>
    public static timespec To(DateTimeOffset? time)
    {
        if (time is not { } given)
        {
            return new timespec { tv_nsec = LibC.UTIME_OMIT };
        }

        long seconds = given.ToUnixTimeSeconds(); // rounded down
        return new timespec { tv_sec = seconds, tv_nsec = (given.UtcTicks - DateTimeOffset.FromUnixTimeSeconds(seconds).UtcTicks) * NanosecondsPerTick };
    }
}
