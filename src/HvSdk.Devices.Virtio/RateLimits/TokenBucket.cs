namespace HvSdk.Devices.Virtio;

/// <summary>Keeps a <see cref="RateLimit"/>: a bucket of tokens that time fills and work empties. One thread at a time.</summary>
internal sealed class TokenBucket
{
    private readonly RateLimit _limit;
    private readonly TimeProvider _time;
    private readonly Int128 _full;
    private Int128 _balance; // tokens times the ticks of a second: whole numbers, so that nothing is lost in rounding
    private long _seen;

    internal TokenBucket(RateLimit limit, TimeProvider time)
    {
        _limit = limit;
        _time = time;
        _full = _balance = (Int128)limit.Burst * time.TimestampFrequency;
        _seen = time.GetTimestamp();
    }

    /// <summary>How long until there is enough for some work; zero: now. Work of more than a burst waits for a full bucket, and leaves a debt.</summary>
    internal TimeSpan WaitFor(long tokens)
    {
        Fill();
        Int128 missing = Int128.Min((Int128)tokens * _time.TimestampFrequency, _full) - _balance;
        return tokens == 0 || missing <= 0
            ? TimeSpan.Zero
            : TimeSpan.FromMilliseconds(double.Ceiling((double)missing * 1000 / ((double)_limit.PerSecond * _time.TimestampFrequency)));
    }

    /// <summary>The work is done.</summary>
    internal void Take(long tokens) => _balance -= (Int128)tokens * _time.TimestampFrequency;

    private void Fill()
    {
        long now = _time.GetTimestamp();
        _balance = Int128.Min(_full, _balance + ((Int128)(now - _seen) * _limit.PerSecond));
        _seen = now;
    }
}
