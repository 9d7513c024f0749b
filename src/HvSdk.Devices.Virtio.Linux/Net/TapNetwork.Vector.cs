namespace HvSdk.Devices.Virtio.Linux;

/// <content>Frames that go to the kernel from where they lie in guest memory.</content>
public sealed partial class TapNetwork
{
    // What a view gives at once; a frame of a driver has some twenty.
    private const int MaxPieces = 256;

    private int _vectorQueue;
    private int _vectorError;

    /// <summary>True: the kernel copies a frame before it looks at it, and takes no stranger's word for what is in it.</summary>
    public bool TakesBuffers => true;

    /// <inheritdoc/>
    public bool TrySend(ReadableBuffers frame, in FrameOffload offload, int queue)
    {
        NetworkHeader.Write(_header, offload);
        _vectorQueue = queue % _queues.Length;
        return frame.TryAccessAll(this, static (pieces, network) => network.Write(pieces)) && EndSend(_vectorError);
    }

    private void Write(ReadOnlySpan<HostRange> pieces)
    {
        pieces.CopyTo(_vector.AsSpan(1));
        _vectorError = _queues[_vectorQueue].Write(_vector.AsSpan(0, 1 + pieces.Length));
    }
}
