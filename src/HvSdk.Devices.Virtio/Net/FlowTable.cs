namespace HvSdk.Devices.Virtio;

/// <summary>Which pair of queues a connection belongs to: the one that the guest has sent its last frame on (virtio 1.2, 5.1.6.5.5). On the device's worker.</summary>
internal sealed class FlowTable
{
    private const int SizeBits = 10;

    private readonly byte[] _pairs = new byte[1 << SizeBits];

    public void Learn(ReadOnlySpan<byte> frame, int pair) => _pairs[IndexOf(frame)] = (byte)pair;

    public int Find(ReadOnlySpan<byte> frame, int pairs) => _pairs[IndexOf(frame)] % pairs;

    public void Clear() => Array.Clear(_pairs);

    private static int IndexOf(ReadOnlySpan<byte> frame) => (int)(FrameFinisher.HashFlow(frame) >> (32 - SizeBits));
}
