using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio;

/// <content>The connection as the device's worker sees it: its state, what the guest has sent, and its end (virtio 1.2, 5.10.6).</content>
public sealed partial class VsockConnection
{
    // Read and written by both sides: the host's reader and the worker. All count modulo 2^32, as the protocol does.
    private uint _consumed;
    private uint _receivedBytes;
    private uint _advertised;
    private bool _wantsMore;
    private long _flushed;

    // The worker's own.
    private volatile State _state;
    private long _taken;
    private uint _sentBytes;
    private uint _guestBuffer;
    private uint _guestForwarded;
    private VsockShutdown _sentShutdown;
    private VsockShutdown _guestShutdown;
    private bool _isRequestSent;
    private bool _isResponseDue;
    private bool _isUpdateDue;
    private bool _isCreditRequested;
    private bool _isInputEnded;
    private bool _isOutputEnded;

    private enum State
    {
        Connecting,
        Connected,
        ResetDue,
        Closed,
    }

    /// <summary>When a connection that the host has closed is reset, as a timestamp.</summary>
    internal long Deadline { get; private set; } = long.MaxValue;

    internal bool IsClosed => _state == State.Closed;

    internal bool IsConnecting => _state == State.Connecting;

    internal bool IsBroken => _state is State.ResetDue or State.Closed;

    internal bool IsRequestSent => _isRequestSent;

    /// <summary>Nobody reads what the guest sends from now on.</summary>
    internal bool DropsInput => IsInputCompleted || _isInputEnded;

    internal bool HasGuestShutDownSending => (_guestShutdown & VsockShutdown.Send) != 0;

    /// <summary>Bytes that the guest may send on top of those that it has sent.</summary>
    internal uint GuestCredit => ReceiveBufferSize - (_receivedBytes - Volatile.Read(ref _consumed));

    private uint ReceiveBufferSize => (uint)_device.Options.ReceiveBufferSize;

    /// <summary>Takes over what each of the guest's packets says of its buffer (virtio 1.2, 5.10.6.3).</summary>
    internal void UpdateCredit(uint buffer, uint forwarded)
    {
        _guestBuffer = buffer;
        _guestForwarded = forwarded;
        _isCreditRequested = false;
    }

    /// <summary>The guest has accepted.</summary>
    internal void OnAccepted()
    {
        _state = State.Connected;
        _connected!.TrySetResult();
    }

    /// <summary>Takes the guest's bytes out of a chain; there is room for them.</summary>
    internal void Receive(DescriptorChain chain, int length)
    {
        Volatile.Write(ref _receivedBytes, _receivedBytes + (uint)length);
        if (DropsInput)
        {
            // Nobody will read them, so they are consumed.
            Volatile.Write(ref _consumed, _receivedBytes);
            return;
        }

        PipeWriter writer = _received.Writer;
        for (int done = 0; done < length;)
        {
            Span<byte> span = writer.GetSpan();
            span = span[..int.Min(span.Length, length - done)];
            int part = chain.Read(VsockHeader.Size + done, span);
            span[part..].Clear(); // the guest has taken its memory away meanwhile: the count stays true
            writer.Advance(span.Length);
            done += span.Length;
        }

#pragma warning disable CA2012 // the pipe never pauses its writer, so that the flush has completed
        writer.FlushAsync(CancellationToken.None).GetAwaiter().GetResult();
#pragma warning restore CA2012
    }

    /// <summary>The guest does no more of one thing, or of both.</summary>
    internal void OnShutdown(VsockShutdown flags)
    {
        _guestShutdown |= flags & VsockShutdown.Both;
        if (HasGuestShutDownSending)
        {
            EndInput(null);
        }

        if ((_guestShutdown & VsockShutdown.Receive) != 0)
        {
            EndOutput(null);
        }
    }

    /// <summary>The guest asks how much it may send.</summary>
    internal void OnCreditRequested() => _isUpdateDue = true;

    /// <summary>The guest has shut down both directions: a reset is the agreed answer (virtio 1.2, 5.10.6.6).</summary>
    internal bool IsShutDownByGuest => _guestShutdown == VsockShutdown.Both;

    /// <summary>The connection has ended but for the packet that tells the guest.</summary>
    /// <param name="error">Why it broke; null: it ended as agreed.</param>
    internal void BeginReset(VsockException? error)
    {
        if (!IsBroken)
        {
            End(error);
            _state = State.ResetDue;
        }
    }

    /// <summary>The connection has ended, and the guest knows or has gone.</summary>
    internal void End(VsockException? error)
    {
        _state = State.Closed;
        Deadline = long.MaxValue;
        EndInput(error);
        EndOutput(error);
        if (_connected is { Task.IsCompleted: false })
        {
            _connected.TrySetException(error ?? Fail(VsockError.Reset, "has ended"));
            _ = _connected.Task.Exception; // seen, also where the host has stopped waiting
        }
    }

    internal VsockException Fail(VsockError error, string what) =>
        new(error, $"The connection of the host's port {LocalPort} and the guest's port {RemotePort} {what}.");

    /// <summary>Takes notice of what the host has done since the last look: a reset, or the end of both directions.</summary>
    internal void Observe()
    {
        if (IsAborted)
        {
            BeginReset(Fail(VsockError.Aborted, "was reset by the host"));
        }
        else if (Deadline == long.MaxValue && _state == State.Connected && IsInputCompleted && (IsOutputCompleted || _isOutputEnded))
        {
            Deadline = _device.NextDeadline();
        }
    }

    /// <summary>
    /// The guest should hear of its credit: a quarter of the buffer has become free since it last did; or less, where the host waits for more than the guest may
    /// send. In between it would only cost packets.
    /// </summary>
    private bool IsCreditDue()
    {
        uint advertised = Volatile.Read(ref _advertised);
        uint free = Volatile.Read(ref _consumed) - advertised;
        uint quarter = ReceiveBufferSize / 4;
        return free >= quarter
            || (free > 0 && Volatile.Read(ref _wantsMore) && ReceiveBufferSize - (Volatile.Read(ref _receivedBytes) - advertised) < quarter);
    }

    private void EndInput(VsockException? error)
    {
        if (!_isInputEnded)
        {
            _isInputEnded = true;
            _received.Writer.Complete(error);
        }
    }

    private void EndOutput(VsockException? error)
    {
        if (!_isOutputEnded)
        {
            _isOutputEnded = true;
            _sending.Reader.Complete(error);
        }
    }
}
