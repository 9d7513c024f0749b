using System.Buffers;
using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio;

/// <content>What the connection has for the guest. The device's worker asks, one packet at a time.</content>
public sealed partial class VsockConnection
{
    private long Pending => Volatile.Read(ref _flushed) - _taken;

    /// <summary>Bytes that the guest has room for. A guest that forwards more than it got, or takes its buffer away, has none.</summary>
    private uint HostCredit
    {
        get
        {
            uint inFlight = _sentBytes - _guestForwarded;
            return inFlight >= _guestBuffer ? 0 : _guestBuffer - inFlight;
        }
    }

    /// <summary>What the guest is to get next; the choice changes nothing.</summary>
    internal VsockOperation NextOperation()
    {
        switch (_state)
        {
            case State.Closed:
                return VsockOperation.Invalid;
            case State.ResetDue:
                return VsockOperation.Reset;
            case State.Connecting:
                return _isRequestSent ? VsockOperation.Invalid : VsockOperation.Request;
        }

        if (_isResponseDue)
        {
            return VsockOperation.Response;
        }

        bool hasData = Pending > 0 && !_isOutputEnded;
        if (hasData && HostCredit > 0)
        {
            return VsockOperation.ReadWrite; // tells the guest of its credit as well
        }

        if (_isUpdateDue || IsCreditDue())
        {
            return VsockOperation.CreditUpdate;
        }

        if (hasData && !_isCreditRequested)
        {
            return VsockOperation.CreditRequest;
        }

        return (NextShutdown() & ~_sentShutdown) != 0 ? VsockOperation.Shutdown : VsockOperation.Invalid;
    }

    /// <summary>The head of a packet that is about to go to the guest.</summary>
    internal VsockHeader Describe(VsockOperation operation, int length)
    {
        uint consumed = Volatile.Read(ref _consumed);
        Volatile.Write(ref _advertised, consumed);
        _isUpdateDue = false;
        switch (operation)
        {
            case VsockOperation.Request:
                _isRequestSent = true;
                break;
            case VsockOperation.Response:
                _isResponseDue = false;
                break;
            case VsockOperation.CreditRequest:
                _isCreditRequested = true;
                break;
            case VsockOperation.Shutdown:
                _sentShutdown = NextShutdown();
                break;
        }

        return new VsockHeader
        {
            SourceCid = VsockHeader.HostCid,
            DestinationCid = _device.Options.GuestCid,
            SourcePort = LocalPort,
            DestinationPort = RemotePort,
            Length = (uint)length,
            Type = VsockHeader.StreamType,
            Operation = operation,
            Flags = operation == VsockOperation.Shutdown ? (uint)_sentShutdown : 0,
            BufferAllocation = ReceiveBufferSize,
            ForwardCount = consumed,
        };
    }

    /// <summary>Looks at the bytes for the guest, as many as it has room for. Where it returns true, <see cref="TakePending"/> must follow.</summary>
    internal bool TryPeekPending(long limit, out ReadOnlySequence<byte> bytes)
    {
        bytes = default;
        if (!_sending.Reader.TryRead(out ReadResult result))
        {
            return false;
        }

        bytes = result.Buffer.Slice(0, long.Min(result.Buffer.Length, long.Min(limit, HostCredit)));
        return true;
    }

    /// <summary>Takes the bytes that the guest has got.</summary>
    internal void TakePending(in ReadOnlySequence<byte> taken)
    {
        _taken += taken.Length;
        _sentBytes += (uint)taken.Length;
        _sending.Reader.AdvanceTo(taken.End);
        if (Deadline != long.MaxValue)
        {
            Deadline = _device.NextDeadline();
        }
    }

    private VsockShutdown NextShutdown()
    {
        bool hasSentAll = IsOutputCompleted && (Pending == 0 || _isOutputEnded);
        return (IsInputCompleted ? VsockShutdown.Receive : VsockShutdown.None) | (hasSentAll ? VsockShutdown.Send : VsockShutdown.None);
    }
}
