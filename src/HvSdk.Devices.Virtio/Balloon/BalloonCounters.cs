namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="BalloonDevice"/> has done since it was made. Any thread may read; each number is right by itself. A page counts as often as the guest names it.</summary>
public sealed class BalloonCounters
{
    private long _inflated;
    private long _deflated;
    private long _reported;
    private long _returned;
    private long _refused;
    private long _statistics;

    internal BalloonCounters()
    {
    }

    /// <summary>Bytes that the guest has put into the balloon.</summary>
    public long InflatedBytes => Interlocked.Read(ref _inflated);

    /// <summary>Bytes that the guest has taken out again.</summary>
    public long DeflatedBytes => Interlocked.Read(ref _deflated);

    /// <summary>Bytes that the guest has reported as free.</summary>
    public long ReportedBytes => Interlocked.Read(ref _reported);

    /// <summary>Bytes that went back to the host, of those in the balloon and those reported.</summary>
    public long ReturnedBytes => Interlocked.Read(ref _returned);

    /// <summary>
    /// Bytes that did not go back to the host: the guest named what is not RAM of its own, or parts of pages, or pages that it wants to keep their content; or the host does not
    /// take them back (<see cref="MemoryRegion.DiscardUnit"/>).
    /// </summary>
    public long RefusedBytes => Interlocked.Read(ref _refused);

    /// <summary>How often the guest has told how much memory it uses.</summary>
    public long StatisticsReceived => Interlocked.Read(ref _statistics);

    internal void CountInflated(long bytes) => Interlocked.Add(ref _inflated, bytes);

    internal void CountDeflated(long bytes) => Interlocked.Add(ref _deflated, bytes);

    internal void CountReported(long bytes) => Interlocked.Add(ref _reported, bytes);

    internal void CountStatistics() => Interlocked.Increment(ref _statistics);

    /// <summary>Pages were to go back to the host.</summary>
    /// <param name="bytes">How many bytes.</param>
    /// <param name="isReturned">They have.</param>
    internal void CountReturned(long bytes, bool isReturned) => Interlocked.Add(ref isReturned ? ref _returned : ref _refused, bytes);
}
