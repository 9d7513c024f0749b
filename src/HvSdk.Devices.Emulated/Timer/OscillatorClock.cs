namespace HvSdk.Devices.Emulated;

/// <summary>Counts the ticks of an oscillator by a <see cref="TimeProvider"/>: no time is lost or gained by how often it is looked at.</summary>
internal sealed class OscillatorClock
{
    // Both clocks of a PC come from one oscillator of 14.31818 MHz, 315/22 MHz: the timer's is a 12th of it, the PM timer's a quarter.
    private const long Divisor = 11;

    private readonly long _ticksPerDivisorSeconds;
    private readonly long _frequency;
    private readonly long _origin;

    private OscillatorClock(TimeProvider timeProvider, long ticksPerDivisorSeconds)
    {
        TimeProvider = timeProvider;
        _ticksPerDivisorSeconds = ticksPerDivisorSeconds;
        _frequency = timeProvider.TimestampFrequency;
        _origin = timeProvider.GetTimestamp();
    }

    internal TimeProvider TimeProvider { get; }

    /// <summary>Ticks since the clock was made.</summary>
    internal long Now
    {
        get
        {
            (long seconds, long rest) = long.DivRem(TimeProvider.GetTimestamp() - _origin, _frequency);
            return long.Max(0, ((seconds * _ticksPerDivisorSeconds) + (rest * _ticksPerDivisorSeconds / _frequency)) / Divisor);
        }
    }

    /// <summary>1.193182 MHz.</summary>
    internal static OscillatorClock ForIntervalTimer(TimeProvider timeProvider) => new(timeProvider, 13_125_000);

    /// <summary>3.579545 MHz.</summary>
    internal static OscillatorClock ForPowerManagement(TimeProvider timeProvider) => new(timeProvider, 39_375_000);

    /// <summary>How long it is until a tick: rounded up, so that after it <see cref="Now"/> has reached the tick.</summary>
    internal TimeSpan Until(long tick)
    {
        (long whole, long rest) = long.DivRem(tick, _ticksPerDivisorSeconds);
        long timestamp = _origin + (whole * Divisor * _frequency) + CeilingOf(rest * Divisor, _frequency, _ticksPerDivisorSeconds);
        long units = long.Max(0, timestamp - TimeProvider.GetTimestamp());
        return new TimeSpan(CeilingOf(units, TimeSpan.TicksPerSecond, _frequency));
    }

    /// <summary>Makes a timer that goes off once. It outlives the call that sets it, so it does not carry that call's context along.</summary>
    internal ITimer CreateTimer(TimerCallback callback, object state, TimeSpan delay)
    {
        if (ExecutionContext.IsFlowSuppressed())
        {
            return TimeProvider.CreateTimer(callback, state, delay, Timeout.InfiniteTimeSpan);
        }

        using (ExecutionContext.SuppressFlow())
        {
            return TimeProvider.CreateTimer(callback, state, delay, Timeout.InfiniteTimeSpan);
        }
    }

    private static long CeilingOf(long value, long numerator, long denominator) =>
        (long)((((UInt128)(ulong)value * (ulong)numerator) + (ulong)(denominator - 1)) / (ulong)denominator);
}
