namespace HvSdk.Devices.Virtio;

/// <content>Frames from the guest to the back-end (virtio 1.2, 5.1.6.2).</content>
public sealed partial class NetworkDevice
{
    // One queue's turn before the next one's, so that none starves behind a back-end that is full most of the time.
    private const int FramesInTurn = 16;

    // Ethernet with two tags, IPv6 with some extensions, TCP with all its options.
    private const int MaxHeaders = 256;

    // Each behind the room for the back-end's header.
    private readonly int _headerRoom;
    private readonly byte[] _frame;
    private readonly byte[] _segment;
    private readonly bool _sendsBuffers;
    private readonly FlowTable _flows = new();
    private NetworkThrottle? _transmitLimit;
    private ITimer? _transmitTimer;
    private FrameOffload _frameOffload;
    private int _framePair;
    private int _frameLength; // 0: no frame is under way
    private int _nextSegment;
    private bool _isFrameAdmitted;
    private bool _isFrameThrottled;
    private int _turn;

    private Span<byte> Frame => _frame.AsSpan(_headerRoom, _frameLength);

    private void Transmit(int pairs)
    {
        int budget = FramesInLook;
        bool hasMore = true;
        while (hasMore && budget > 0)
        {
            hasMore = false;
            for (int i = 0; i < pairs; i++)
            {
                if (!TryFinishFrame(ref budget))
                {
                    return; // the back-end, a timer, or the next look goes on
                }

                int pair = _turn;
                _turn = (_turn + 1) % pairs;
                if (FindQueue((pair * QueuesInPair) + 1) is { } queue)
                {
                    hasMore |= TransmitTurn(queue, pair, pairs, ref budget);
                }
            }
        }

        if (hasMore || _frameLength > 0)
        {
            Wake();
        }
    }

    /// <summary>Sends some frames of one queue; false where it has no more.</summary>
    private bool TransmitTurn(Virtqueue queue, int pair, int pairs, ref int budget)
    {
        for (int n = 0; n < FramesInTurn && budget > 0; n++)
        {
            if (!queue.TryTake(out DescriptorChain? chain))
            {
                return false;
            }

            budget--;
            if (_sendsBuffers && TrySendBuffers(chain, pair, pairs))
            {
                queue.Complete(chain, 0);
                continue;
            }

            TakeFrame(chain);
            _framePair = pair;
            queue.Complete(chain, 0);
            if (_frameLength > 0 && pairs > 1)
            {
                _flows.Learn(Frame, pair);
            }

            if (!TryFinishFrame(ref budget))
            {
                return true;
            }
        }

        return true;
    }

    /// <summary>Hands a frame to the back-end without a copy, but for its headers; false where it has to be copied, or there is something wrong with it.</summary>
    private bool TrySendBuffers(DescriptorChain chain, int pair, int pairs)
    {
        if (!IsLinkUp || !TryReadFrame(chain, MaxHeaders, out Span<byte> frame, out FrameOffload offload) || (offload.Required & ~_backend.Takes) != 0
            || offload.HeaderLength > MaxHeaders
            || !_backend.TrySend(new ReadableBuffers(chain, NetworkHeader.Length, frame.Length), offload, pair))
        {
            return false;
        }

        if (pairs > 1)
        {
            _flows.Learn(frame, pair);
        }

        Statistics.CountSent(frame.Length);
        return true;
    }

    /// <summary>Reads and checks a frame's headers, or all of it. Of the bytes behind the limit it has what was there before.</summary>
    private bool TryReadFrame(DescriptorChain chain, int limit, out Span<byte> frame, out FrameOffload offload)
    {
        frame = default;
        offload = default;
        Span<byte> header = stackalloc byte[NetworkHeader.Length];
        long length = chain.ReadableLength - NetworkHeader.Length;
        if (length is < FrameFinisher.MinFrameLength or > MaxFrameLength || chain.Read(0, header) != header.Length || !NetworkHeader.TryReadDriver(header, NegotiatedFeatures, out offload))
        {
            return false;
        }

        frame = _frame.AsSpan(_headerRoom, (int)length);
        Span<byte> read = frame[..int.Min(limit, frame.Length)];
        return chain.Read(NetworkHeader.Length, read) == read.Length && FrameFinisher.TryCheck(frame, ref offload);
    }

    /// <summary>Copies a frame out of guest memory, where the guest could change it, and checks it.</summary>
    private void TakeFrame(DescriptorChain chain)
    {
        if (!TryReadFrame(chain, MaxFrameLength, out Span<byte> frame, out FrameOffload offload))
        {
            Statistics.CountMalformed();
            return;
        }

        if (!IsLinkUp)
        {
            Statistics.CountSentDropped();
            return;
        }

        _frameLength = frame.Length;
        _frameOffload = offload;
        _nextSegment = 0;
        _isFrameAdmitted = _isFrameThrottled = false;
    }

    /// <summary>Hands the frame that is under way to the back-end; false where it has to wait.</summary>
    private bool TryFinishFrame(ref int budget)
    {
        if (_frameLength == 0)
        {
            return true;
        }

        if (!TryAdmitFrame())
        {
            return false;
        }

        Span<byte> frame = Frame;
        if (_nextSegment > 0 || (_frameOffload.Required & ~_backend.Takes) != 0)
        {
            if (_frameOffload.Segmentation != FrameSegmentation.None)
            {
                return TrySendSegments(frame, ref budget);
            }

            FrameFinisher.CompleteChecksum(frame, _frameOffload);
            _frameOffload = new FrameOffload { IsChecksumValid = true };
        }

        return _backend.TrySendInPlace(_frame.AsSpan(0, _headerRoom + _frameLength), _frameOffload, _framePair) && EndFrame();
    }

    private bool TrySendSegments(ReadOnlySpan<byte> frame, ref int budget)
    {
        int count = FrameFinisher.CountSegments(frame.Length, _frameOffload);
        while (_nextSegment < count)
        {
            if (budget-- <= 0)
            {
                Wake();
                return false;
            }

            int length = FrameFinisher.WriteSegment(frame, _frameOffload, _nextSegment, _segment.AsSpan(_headerRoom));
            if (!_backend.TrySendInPlace(_segment.AsSpan(0, _headerRoom + length), new FrameOffload { IsChecksumValid = true }, _framePair))
            {
                return false;
            }

            _nextSegment++;
        }

        return EndFrame();
    }

    private bool TryAdmitFrame()
    {
        if (_isFrameAdmitted)
        {
            return true;
        }

        TimeSpan wait = _transmitLimit!.WaitFor(_frameLength);
        if (wait > TimeSpan.Zero)
        {
            if (!_isFrameThrottled)
            {
                _isFrameThrottled = true;
                Statistics.CountThrottled();
            }

            _transmitTimer!.Change(wait, Timeout.InfiniteTimeSpan);
            return false;
        }

        _transmitLimit.Take(_frameLength);
        _isFrameAdmitted = true;
        return true;
    }

    private bool EndFrame()
    {
        Statistics.CountSent(_frameLength);
        _frameLength = 0;
        return true;
    }

    private void DropTransmit()
    {
        if (_frameLength > 0)
        {
            Statistics.CountSentDropped();
            _frameLength = 0;
        }
    }
}
