namespace HvSdk.Devices.Virtio;

/// <summary>Limits of frames and of bytes for one direction. On the device's worker.</summary>
internal sealed class NetworkThrottle(RateLimit? frames, RateLimit? bytes, TimeProvider time)
{
    private readonly TokenBucket? _frames = frames is null ? null : new TokenBucket(frames, time);
    private readonly TokenBucket? _bytes = bytes is null ? null : new TokenBucket(bytes, time);

    /// <summary>How long a frame has to wait; zero: not at all.</summary>
    public TimeSpan WaitFor(int length)
    {
        TimeSpan wait = _frames?.WaitFor(1) ?? TimeSpan.Zero;
        TimeSpan other = _bytes?.WaitFor(length) ?? TimeSpan.Zero;
        return wait > other ? wait : other;
    }

    public void Take(int length)
    {
        _frames?.Take(1);
        _bytes?.Take(length);
    }
}
