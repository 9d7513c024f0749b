namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="NetworkDevice"/> has done since it was made. Any thread may read; each number is right by itself.</summary>
public sealed class NetworkStatistics
{
    private long _framesSent;
    private long _bytesSent;
    private long _framesReceived;
    private long _bytesReceived;
    private long _malformed;
    private long _sentDropped;
    private long _receivedDropped;
    private long _filtered;
    private long _tooLarge;
    private long _refused;
    private long _throttled;

    internal NetworkStatistics()
    {
    }

    /// <summary>Frames that the back-end took from the guest. One that the device cut into segments counts as one.</summary>
    public long FramesSent => Interlocked.Read(ref _framesSent);

    /// <summary>Bytes of them, without virtio's headers.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>Frames that the guest got, each segment for itself.</summary>
    public long FramesReceived => Interlocked.Read(ref _framesReceived);

    /// <summary>Bytes of them, without virtio's headers.</summary>
    public long BytesReceived => Interlocked.Read(ref _bytesReceived);

    /// <summary>Frames thrown away as they are no frames, or not what is said of them, from either side.</summary>
    public long Malformed => Interlocked.Read(ref _malformed);

    /// <summary>Frames of the guest thrown away as the link was down, or by a reset.</summary>
    public long SentDropped => Interlocked.Read(ref _sentDropped);

    /// <summary>Frames for the guest thrown away as the link was down, as no driver had the device in use, or by a reset.</summary>
    public long ReceivedDropped => Interlocked.Read(ref _receivedDropped);

    /// <summary>Frames for the guest that its driver does not want.</summary>
    public long Filtered => Interlocked.Read(ref _filtered);

    /// <summary>Frames for the guest that its buffers were too small for.</summary>
    public long TooLarge => Interlocked.Read(ref _tooLarge);

    /// <summary>How often the back-end was told that there is no room for a frame.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>How often frames had to wait for a rate limit.</summary>
    public long Throttled => Interlocked.Read(ref _throttled);

    internal void CountSent(int bytes)
    {
        Interlocked.Increment(ref _framesSent);
        Interlocked.Add(ref _bytesSent, bytes);
    }

    internal void CountReceived(int bytes)
    {
        Interlocked.Increment(ref _framesReceived);
        Interlocked.Add(ref _bytesReceived, bytes);
    }

    internal void CountMalformed() => Interlocked.Increment(ref _malformed);

    internal void CountSentDropped() => Interlocked.Increment(ref _sentDropped);

    internal void CountReceivedDropped(int count = 1) => Interlocked.Add(ref _receivedDropped, count);

    internal void CountFiltered() => Interlocked.Increment(ref _filtered);

    internal void CountTooLarge() => Interlocked.Increment(ref _tooLarge);

    internal void CountRefused() => Interlocked.Increment(ref _refused);

    internal void CountThrottled() => Interlocked.Increment(ref _throttled);
}
