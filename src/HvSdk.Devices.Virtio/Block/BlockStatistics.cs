namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="BlockDevice"/> has done since it was made. Any thread may read; each number is right by itself.</summary>
public sealed class BlockStatistics
{
    private long _reads;
    private long _writes;
    private long _flushes;
    private long _discards;
    private long _bytesRead;
    private long _bytesWritten;
    private long _errors;
    private long _unsupported;
    private long _throttled;

    internal BlockStatistics()
    {
    }

    /// <summary>Reads that succeeded.</summary>
    public long Reads => Interlocked.Read(ref _reads);

    /// <summary>Writes that succeeded, of data and of zeroes.</summary>
    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Flushes that succeeded.</summary>
    public long Flushes => Interlocked.Read(ref _flushes);

    /// <summary>Discards that succeeded.</summary>
    public long Discards => Interlocked.Read(ref _discards);

    /// <summary>Bytes that the guest has read.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Bytes that the guest has written, not counting zeroes.</summary>
    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    /// <summary>Requests that ended with an error: the host's, or the guest's own.</summary>
    public long Errors => Interlocked.Read(ref _errors);

    /// <summary>Requests of a kind that the device does not know.</summary>
    public long Unsupported => Interlocked.Read(ref _unsupported);

    /// <summary>How often a queue had to wait for a rate limit.</summary>
    public long Throttled => Interlocked.Read(ref _throttled);

    internal void CountThrottled() => Interlocked.Increment(ref _throttled);

    internal void Count(BlockRequestType type, BlockStatus status, long bytes)
    {
        switch (status)
        {
            case BlockStatus.Unsupported:
                Interlocked.Increment(ref _unsupported);
                return;
            case BlockStatus.IoError:
                Interlocked.Increment(ref _errors);
                return;
        }

        switch (type)
        {
            case BlockRequestType.In:
                Interlocked.Increment(ref _reads);
                Interlocked.Add(ref _bytesRead, bytes);
                break;
            case BlockRequestType.Out:
                Interlocked.Increment(ref _writes);
                Interlocked.Add(ref _bytesWritten, bytes);
                break;
            case BlockRequestType.WriteZeroes:
                Interlocked.Increment(ref _writes);
                break;
            case BlockRequestType.Flush:
                Interlocked.Increment(ref _flushes);
                break;
            case BlockRequestType.Discard:
                Interlocked.Increment(ref _discards);
                break;
        }
    }
}
