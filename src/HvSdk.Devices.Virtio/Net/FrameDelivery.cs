namespace HvSdk.Devices.Virtio;

/// <summary>Hands frames to a device's port, on a thread that may wait while the device has no room for them.</summary>
internal sealed class FrameDelivery
{
    private readonly object _gate = new();
    private bool _hasRoom;
    private bool _isEnded;

    /// <summary>Hands on a frame, and waits until there is room; false at the end.</summary>
    public bool TryDeliver(INetworkPort port, ReadOnlySpan<byte> frame, in FrameOffload offload)
    {
        while (!port.TryDeliver(frame, offload))
        {
            lock (_gate)
            {
                while (!_hasRoom && !_isEnded)
                {
                    Monitor.Wait(_gate);
                }

                _hasRoom = false; // room that was told of before the frame was refused costs one more try
                if (_isEnded)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>The device says that there is room again (<see cref="INetworkBackend.OnRoom"/>).</summary>
    public void OnRoom()
    {
        lock (_gate)
        {
            _hasRoom = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Nobody waits any more.</summary>
    public void End()
    {
        lock (_gate)
        {
            _isEnded = true;
            Monitor.PulseAll(_gate);
        }
    }
}
