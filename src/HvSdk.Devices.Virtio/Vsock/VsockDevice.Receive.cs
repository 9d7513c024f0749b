namespace HvSdk.Devices.Virtio;

/// <content>What the guest sends (virtio 1.2, 5.10.6). Runs on the worker.</content>
public sealed partial class VsockDevice
{
    private const int MaxPacketsPerLook = 256;

    private long _bytesFromGuest;
    private long _packetsDropped;

    private void ReceiveFromGuest(Virtqueue queue)
    {
        // Each packet may need an answer. Where those that belong to no connection cannot be kept, the guest's packets wait until it takes some.
        int left = MaxPacketsPerLook;
        while (left > 0 && !_strays.IsFull && queue.TryTake(out DescriptorChain? chain))
        {
            left--;
            Receive(chain);
            queue.Complete(chain, 0);
        }

        if (left > 0 && !_strays.IsFull)
        {
            return;
        }

        if (FindQueue(ReceiveQueue) is { } receiveQueue)
        {
            SendToGuest(receiveQueue);
        }

        if (!_strays.IsFull)
        {
            Wake();
        }
    }

    private void Receive(DescriptorChain chain)
    {
        if (!chain.TryRead(0, out VsockHeader header) || header.SourceCid != Options.GuestCid || header.DestinationCid != VsockHeader.HostCid)
        {
            Interlocked.Increment(ref _packetsDropped);
            return;
        }

        if (header.Type != VsockHeader.StreamType)
        {
            Refuse(header); // virtio 1.2, 5.10.6.4.2
            return;
        }

        if (_table.Find(header.DestinationPort, header.SourcePort) is { } connection)
        {
            Receive(connection, header, chain);
        }
        else if (header.Operation == VsockOperation.Request)
        {
            Accept(header);
        }
        else
        {
            Refuse(header);
        }
    }

    private void Receive(VsockConnection connection, in VsockHeader header, DescriptorChain chain)
    {
        if (connection.IsBroken)
        {
            return; // the reset that it waits for is the answer
        }

        if (header.Operation == VsockOperation.Reset)
        {
            OnReset(connection);
            return;
        }

        connection.UpdateCredit(header.BufferAllocation, header.ForwardCount);
        string? violation = connection.IsConnecting ? ReceiveAnswer(connection, header) : ReceiveConnected(connection, header, chain);
        if (violation is not null)
        {
            connection.BeginReset(connection.Fail(VsockError.ProtocolViolation, $"was reset by the device, for {violation}"));
        }

        // The guest may have room again, or wants an answer.
        MarkReadyQuietly(connection);
    }

    /// <summary>A packet for a connection that the host has asked for.</summary>
    private static string? ReceiveAnswer(VsockConnection connection, in VsockHeader header)
    {
        if (header.Operation != VsockOperation.Response || !connection.IsRequestSent)
        {
            return $"the guest answered a request by operation {(ushort)header.Operation}";
        }

        connection.OnAccepted();
        return null;
    }

    private string? ReceiveConnected(VsockConnection connection, in VsockHeader header, DescriptorChain chain)
    {
        switch (header.Operation)
        {
            case VsockOperation.ReadWrite:
                return ReceiveData(connection, header.Length, chain);
            case VsockOperation.Shutdown:
                connection.OnShutdown((VsockShutdown)header.Flags);
                if (connection.IsShutDownByGuest)
                {
                    connection.BeginReset(null);
                }

                return null;
            case VsockOperation.CreditRequest:
                connection.OnCreditRequested();
                return null;
            case VsockOperation.CreditUpdate:
                return null;
            default:
                return $"the guest sent operation {(ushort)header.Operation}";
        }
    }

    private string? ReceiveData(VsockConnection connection, uint length, DescriptorChain chain)
    {
        if (length > chain.ReadableLength - VsockHeader.Size)
        {
            return $"the guest sent {chain.ReadableLength - VsockHeader.Size} bytes and said {length}";
        }

        if (length > connection.GuestCredit)
        {
            return $"the guest sent {length} bytes with a credit of {connection.GuestCredit}";
        }

        if (connection.HasGuestShutDownSending && length > 0)
        {
            return "the guest sent more behind its end";
        }

        connection.Receive(chain, (int)length);
        Interlocked.Add(ref _bytesFromGuest, length);
        return null;
    }

    private void OnReset(VsockConnection connection)
    {
        VsockException? error = null;
        if (connection.IsConnecting)
        {
            error = connection.Fail(VsockError.Refused, "was refused: nobody listens there, or the guest has no room");
        }
        else
        {
            // As the answer to the host's own closing nobody sees it.
            error = connection.Fail(VsockError.Reset, "was reset by the guest");
        }

        _table.Remove(connection);
        connection.End(error);
    }

    private void Accept(in VsockHeader header)
    {
        VsockListener? listener;
        lock (_listenersGate)
        {
            listener = _listeners.GetValueOrDefault(header.DestinationPort);
        }

        if (listener is null)
        {
            Refuse(header);
            return;
        }

        var connection = new VsockConnection(this, header.DestinationPort, header.SourcePort, isOutgoing: false);
        connection.UpdateCredit(header.BufferAllocation, header.ForwardCount);
        if (!_table.TryAdd(connection))
        {
            Refuse(header);
            return;
        }

        if (!listener.TryOffer(connection))
        {
            _table.Remove(connection);
            connection.End(null);
            Refuse(header);
            return;
        }

        MarkReadyQuietly(connection);
    }

    /// <summary>Answers a packet that belongs to no connection by a reset, unless it is one.</summary>
    private void Refuse(in VsockHeader header)
    {
        if (header.Operation != VsockOperation.Reset)
        {
            _strays.Add(header);
        }
    }

    /// <summary>The worker's own: it looks at what is ready before it ends its look.</summary>
    private void MarkReadyQuietly(VsockConnection connection) => _table.TryMarkReady(connection);
}
