namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state.</content>
public sealed partial class NetworkDevice
{
    /// <inheritdoc/>
    protected internal override VirtioDeviceState SaveState() => new NetworkDeviceState
    {
        OwnAddress = SaveAddress(_ownAddress.Value),
        Address = SaveAddress(Volatile.Read(ref _currentAddress)),
        IsLinkUp = IsLinkUp,
        QueuePairs = _pairs,
        GuestOffloads = _guestOffloads,
        Filter = _filter.SaveState(),
        Sending = _frameLength > 0 ? new NetworkFrameState { Bytes = Frame.ToArray(), Offload = _frameOffload } : null,
        SentSegments = _frameLength > 0 ? _nextSegment : 0,
        Received = _received.Save(),
        ReceivedSegments = _nextReceivedSegment,
        IsReceiveAdmitted = _isReceiveAdmitted,
    };

    /// <inheritdoc/>
    protected internal override void LoadState(VirtioDeviceState? state)
    {
        NetworkDeviceState saved = StateProblem.RequireKind<NetworkDeviceState>(state);
        MacAddress own = CheckAddress(saved.OwnAddress, nameof(saved.OwnAddress));
        MacAddress address = CheckAddress(saved.Address, nameof(saved.Address));
        int maxPairs = Has(NetworkFeature.MultiQueue) ? _options.QueuePairs : 1;
        StateProblem.Require(saved.QueuePairs >= 1 && saved.QueuePairs <= maxPairs, $"{nameof(saved.QueuePairs)} is {saved.QueuePairs}; it is 1 to {maxPairs}.");
        ulong agreed = NegotiatedFeatures & NetworkFeature.GuestOffloads;
        StateProblem.Require((saved.GuestOffloads & ~agreed) == 0, $"{nameof(saved.GuestOffloads)} is 0x{saved.GuestOffloads:X}; 0x{agreed:X} was agreed upon.");
        ReceiveFilter.Check(saved.Filter);
        FrameOffload sending = default;
        if (saved.Sending is { } frame)
        {
            sending = CheckFrame(frame, saved.SentSegments, nameof(saved.Sending));
        }

        StateProblem.RequireCount(saved.Received, 0, int.MaxValue, nameof(saved.Received));
        for (int i = 0; i < saved.Received.Count; i++)
        {
            CheckFrame(saved.Received[i], i == 0 ? saved.ReceivedSegments : 0, $"{nameof(saved.Received)}[{i}]");
        }

        _ownAddress = own;
        Volatile.Write(ref _currentAddress, address.Value);
        if (!IsActive)
        {
            return; // all the rest begins with a driver
        }

        Volatile.Write(ref _pairs, saved.QueuePairs);
        _guestOffloads = saved.GuestOffloads;
        _filter.LoadState(saved.Filter);
        LoadFrames(saved, sending);
        if (saved.IsLinkUp != IsLinkUp)
        {
            NotifyConfigurationChanged();
        }
    }

    private static byte[] SaveAddress(ulong address)
    {
        byte[] bytes = new byte[MacAddress.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(address >> (8 * (bytes.Length - 1 - i)));
        }

        return bytes;
    }

    private static MacAddress CheckAddress(IReadOnlyList<byte> bytes, string field)
    {
        StateProblem.RequireCount(bytes, MacAddress.Length, MacAddress.Length, field);
        var address = new MacAddress([.. bytes]);
        StateProblem.Require(address.IsStation, $"{field} is {address}, which is no station's address.");
        return address;
    }

    private static FrameOffload CheckFrame(NetworkFrameState frame, int segments, string field)
    {
        StateProblem.RequireCount(frame?.Bytes, FrameFinisher.MinFrameLength, MaxFrameLength, $"{field}.{nameof(NetworkFrameState.Bytes)}");
        FrameOffload offload = frame!.Offload;
        StateProblem.Require(FrameFinisher.TryCheck([.. frame.Bytes], ref offload), $"{field}.{nameof(NetworkFrameState.Offload)} is not what its bytes are.");
        int count = offload.Segmentation == FrameSegmentation.None ? 0 : FrameFinisher.CountSegments(frame.Bytes.Count, offload);
        StateProblem.Require(segments >= 0 && segments <= count, $"{segments} segments of {field} are done, and it has {count}.");
        return offload;
    }

    private void LoadFrames(NetworkDeviceState saved, FrameOffload sending)
    {
        if (saved.Sending is { } frame)
        {
            frame.Bytes.ToArray().CopyTo(_frame, _headerRoom);
            _frameLength = frame.Bytes.Count;
            _frameOffload = sending;
            _nextSegment = saved.SentSegments;
            _isFrameAdmitted = _nextSegment > 0;
            _isFrameThrottled = false;
        }

        foreach (NetworkFrameState received in saved.Received)
        {
            FrameOffload offload = received.Offload;
            FrameFinisher.TryCheck([.. received.Bytes], ref offload);
            StateProblem.Require(
                _received.TryAdd([.. received.Bytes], offload, out _),
                $"{nameof(saved.Received)} has more than {nameof(NetworkDeviceOptions)}.{nameof(_options.ReceiveBufferSize)} holds, which is {_options.ReceiveBufferSize} bytes.");
        }

        _nextReceivedSegment = saved.Received.Count > 0 ? saved.ReceivedSegments : 0;
        _isReceiveAdmitted = saved.Received.Count > 0 && (saved.IsReceiveAdmitted || saved.ReceivedSegments > 0);
    }
}
