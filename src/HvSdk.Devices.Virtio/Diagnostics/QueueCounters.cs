namespace HvSdk.Devices.Virtio;

/// <summary>What came back on a queue. The device's worker counts in it and nobody else; any thread may read, and each number is right by itself.</summary>
internal sealed class QueueCounters
{
    private long _requests;
    private long _bytesFromDriver;
    private long _bytesToDriver;

    /// <summary>Chains that were given back.</summary>
    public long Requests => Volatile.Read(ref _requests);

    /// <summary>Bytes that the driver had put into them.</summary>
    public long BytesFromDriver => Volatile.Read(ref _bytesFromDriver);

    /// <summary>Bytes that the device has written into them.</summary>
    public long BytesToDriver => Volatile.Read(ref _bytesToDriver);

    public void Count(long read, long written)
    {
        _requests++;
        _bytesFromDriver += read;
        _bytesToDriver += written;
    }
}
