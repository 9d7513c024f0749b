namespace HvSdk.Devices.Virtio;

/// <content>Frames as the back-end brings them, on a thread of its own: straight into the guest's buffers, or into a queue for the worker.</content>
public sealed partial class NetworkDevice
{
    private readonly bool _isReceiveLimited;

    /// <inheritdoc/>
    bool INetworkPort.TryDeliver(ReadOnlySpan<byte> frame, in FrameOffload offload)
    {
        FrameOffload seen = offload;
        if (frame.Length is < FrameFinisher.MinFrameLength or > MaxFrameLength || !FrameFinisher.TryCheck(frame, ref seen))
        {
            Statistics.CountMalformed();
            return true;
        }

        if (!IsActive || !IsLinkUp)
        {
            Statistics.CountReceivedDropped();
            return true;
        }

        if (TryWork(new Arrival(frame, seen), static (device, arrival) => ((NetworkDevice)device).TryPutAtOnce(arrival)))
        {
            return true;
        }

        if (!_received.TryAdd(frame, seen, out bool wasEmpty))
        {
            Statistics.CountRefused();
            return false;
        }

        // Else the worker is at it, or waits for buffers or for a limit, and looks again by itself.
        if (wasEmpty)
        {
            Wake();
        }

        return true;
    }

    /// <summary>Gives the guest a frame on the thread that brings it, where nothing is in its way.</summary>
    private bool TryPutAtOnce(Arrival arrival)
    {
        if (!_received.IsEmpty || !IsLinkUp || _isReceiveLimited || (arrival.Offload.Required & ~GuestTakes(arrival.Offload)) != 0)
        {
            return false;
        }

        if (!_filter.Passes(arrival.Frame, MacAddress))
        {
            Statistics.CountFiltered();
            return true;
        }

        return TryPut(arrival.Frame, arrival.Frame, arrival.Offload);
    }

    private readonly ref struct Arrival(ReadOnlySpan<byte> frame, FrameOffload offload)
    {
        public readonly ReadOnlySpan<byte> Frame = frame;
        public readonly FrameOffload Offload = offload;
    }
}
