namespace HvSdk.Devices.Virtio;

/// <content>Frames from the back-end to the guest (virtio 1.2, 5.1.6.4).</content>
public sealed partial class NetworkDevice
{
    // A driver with some buffers, but never enough of them, would have all frames wait behind one that is too large. A guest on a busy host may well be slow for a second, and
    // must lose nothing by it.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly FrameQueue _received;
    private readonly ReceiveQueue[] _receivers;
    private readonly byte[] _receivedSegment = new byte[MaxFrameLength];
    private NetworkThrottle? _receiveLimit;
    private ITimer? _receiveTimer;
    private ulong _guestOffloads;
    private bool _isReceiveAdmitted; // of the first frame that waits
    private bool _isReceiveThrottled;
    private int _nextReceivedSegment;
    private long? _stuckSince;

    private void Receive()
    {
        int budget = FramesInLook;
        bool hasRoom = false;
        while (_received.TryPeek(out Span<byte> frame, out FrameOffload offload))
        {
            if (budget-- <= 0)
            {
                Wake();
                break;
            }

            if (!TryGive(frame, offload, ref budget))
            {
                break;
            }

            hasRoom |= EndReceived();
        }

        if (hasRoom)
        {
            _backend.OnRoom();
        }
    }

    /// <summary>Gives the guest a frame; false where it has to wait.</summary>
    private bool TryGive(Span<byte> frame, FrameOffload offload, ref int budget)
    {
        if (!_isReceiveAdmitted)
        {
            if (!IsLinkUp)
            {
                Statistics.CountReceivedDropped();
                return true;
            }

            if (!_filter.Passes(frame, MacAddress))
            {
                Statistics.CountFiltered();
                return true;
            }

            if (!TryAdmitReceived(frame.Length))
            {
                return false;
            }
        }

        if ((offload.Required & ~GuestTakes(offload)) == 0)
        {
            return TryPut(frame, frame, offload);
        }

        if (offload.Segmentation == FrameSegmentation.None)
        {
            // In a copy: a frame that has to wait comes here again, and its field must still hold the pseudo header's sum.
            Span<byte> whole = _receivedSegment.AsSpan(0, frame.Length);
            frame.CopyTo(whole);
            FrameFinisher.CompleteChecksum(whole, offload);
            return TryPut(frame, whole, new FrameOffload { IsChecksumValid = true });
        }

        return TryGiveSegments(frame, offload, ref budget);
    }

    private bool TryGiveSegments(Span<byte> frame, in FrameOffload offload, ref int budget)
    {
        int count = FrameFinisher.CountSegments(frame.Length, offload);
        while (_nextReceivedSegment < count)
        {
            if (budget-- <= 0)
            {
                Wake();
                return false;
            }

            int length = FrameFinisher.WriteSegment(frame, offload, _nextReceivedSegment, _receivedSegment);
            if (!TryPut(frame, _receivedSegment.AsSpan(0, length), new FrameOffload { IsChecksumValid = true }))
            {
                return false;
            }

            _nextReceivedSegment++;
        }

        return true;
    }

    private NetworkOffloads GuestTakes(in FrameOffload offload)
    {
        NetworkOffloads takes = (_guestOffloads & NetworkFeature.GuestChecksum) != 0 ? NetworkOffloads.Checksum : NetworkOffloads.None;
        if (!offload.HasCongestionNotification || (_guestOffloads & NetworkFeature.GuestEcn) != 0)
        {
            takes |= (_guestOffloads & NetworkFeature.GuestTso4) != 0 ? NetworkOffloads.TcpIPv4 : NetworkOffloads.None;
            takes |= (_guestOffloads & NetworkFeature.GuestTso6) != 0 ? NetworkOffloads.TcpIPv6 : NetworkOffloads.None;
        }

        return takes;
    }

    /// <summary>Puts bytes into the guest's buffers, or finds that they never will fit; false where they have to wait.</summary>
    private bool TryPut(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> bytes, in FrameOffload offload)
    {
        int pairs = Volatile.Read(ref _pairs);
        int pair = pairs == 1 ? 0 : _flows.Find(frame, pairs);
        if (FindQueue(pair * QueuesInPair) is not { } queue)
        {
            Statistics.CountReceivedDropped();
            return true;
        }

        ReceiveQueue receiver = _receivers[pair];
        bool merges = Has(NetworkFeature.MergeableBuffers);
        long needed = NetworkHeader.Length + bytes.Length;
        Collect(queue, receiver, merges ? needed : 1);
        long room = receiver.Room;
        if (room < needed)
        {
            if (!(receiver.Count > 0 && !merges) && receiver.Count < queue.Size && !HasWaitedLong(receiver.Count > 0))
            {
                return false;
            }

            _stuckSince = null;
            Statistics.CountTooLarge();
            return true;
        }

        Fill(queue, receiver, bytes, offload, receiver.CountFor(needed));
        _stuckSince = null;
        Statistics.CountReceived(bytes.Length);
        return true;
    }

    /// <summary>Takes buffers from the queue until they have room for some bytes.</summary>
    private void Collect(Virtqueue queue, ReceiveQueue receiver, long needed)
    {
        for (int n = 0; receiver.Room < needed && receiver.Count < queue.Size; n++)
        {
            if (n > queue.Size)
            {
                Wake(); // useless buffers came as fast as they went
                return;
            }

            if (!queue.TryTake(out DescriptorChain? chain))
            {
                return;
            }

            // One that has not even room for the header is against the rules (virtio 1.2, 5.1.6.3.1), and of no use.
            if (chain.WritableLength < NetworkHeader.Length)
            {
                queue.Complete(chain, 0);
            }
            else
            {
                receiver.Add(chain);
            }
        }
    }

    private void Fill(Virtqueue queue, ReceiveQueue receiver, ReadOnlySpan<byte> bytes, in FrameOffload offload, int count)
    {
        Span<byte> header = stackalloc byte[NetworkHeader.Length];
        NetworkHeader.Write(header, offload, count, takesValidity: (_guestOffloads & NetworkFeature.GuestChecksum) != 0);
        queue.BeginBatch();
        for (int i = 0; i < count; i++)
        {
            DescriptorChain chain = receiver.Take();
            int start = i == 0 ? chain.Write(0, header) : 0;
            int part = (int)long.Min(bytes.Length, chain.WritableLength - start);
            chain.Write(start, bytes[..part]);
            bytes = bytes[part..];
            queue.Complete(chain, start + part);
        }

        queue.EndBatch();
    }

    /// <summary>Whether the first frame has waited for further buffers for too long, while there are some.</summary>
    private bool HasWaitedLong(bool hasSome)
    {
        if (!hasSome)
        {
            _stuckSince = null; // the driver is merely slow
            return false;
        }

        _stuckSince ??= TimeProvider.GetTimestamp();
        TimeSpan left = s_patience - TimeProvider.GetElapsedTime(_stuckSince.Value);
        if (left <= TimeSpan.Zero)
        {
            return true;
        }

        _receiveTimer!.Change(left, Timeout.InfiniteTimeSpan);
        return false;
    }

    private bool TryAdmitReceived(int length)
    {
        TimeSpan wait = _receiveLimit!.WaitFor(length);
        if (wait > TimeSpan.Zero)
        {
            if (!_isReceiveThrottled)
            {
                _isReceiveThrottled = true;
                Statistics.CountThrottled();
            }

            _receiveTimer!.Change(wait, Timeout.InfiniteTimeSpan);
            return false;
        }

        _receiveLimit.Take(length);
        _isReceiveAdmitted = true;
        return true;
    }

    private bool EndReceived()
    {
        ForgetReceived();
        return _received.Release();
    }

    private void ForgetReceived()
    {
        _isReceiveAdmitted = _isReceiveThrottled = false;
        _nextReceivedSegment = 0;
        _stuckSince = null;
    }

    private void DropReceived()
    {
        foreach (ReceiveQueue receiver in _receivers)
        {
            receiver.Clear();
        }

        ForgetReceived();
        _flows.Clear();
        (int count, bool hadRefused) = _received.Clear();
        Statistics.CountReceivedDropped(count);
        if (hadRefused)
        {
            _backend.OnRoom();
        }
    }
}
