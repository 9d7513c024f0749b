namespace HvSdk.Devices.Virtio;

/// <summary>A number that a port may have, with its two queues: what the driver knows of it, and what it shall hear. Used with the device's lock held, but for the bytes.</summary>
internal sealed class ConsoleSlot(int number)
{
    /// <summary>What taking a chain counts for, so that empty ones end a look too.</summary>
    internal const int ChainCost = 64;

    /// <summary>Bytes of one direction that move in one look; then the other ports have their turn.</summary>
    private const long MaxBytesPerLook = 256 * 1024;

    private DescriptorChain? _chain;
    private ConsolePort? _chainPort;
    private long _offset;

    /// <summary>The queue that the driver receives by (virtio 1.2, 5.3.2): 0, and from 4 on, as 2 and 3 are for control.</summary>
    internal int ReceiveQueue { get; } = number == 0 ? 0 : (2 * number) + 2;

    internal int TransmitQueue => ReceiveQueue + 1;

    internal int Number => number;

    /// <summary>The port that has the number now, or null.</summary>
    internal ConsolePort? Port { get; set; }

    /// <summary>Messages that the driver shall get.</summary>
    internal DueMessages Due { get; set; }

    /// <summary>The driver was told that there is a port.</summary>
    internal bool IsAnnounced { get; set; }

    /// <summary>The driver has said that it can use the port.</summary>
    internal bool IsReady { get; set; }

    /// <summary>The driver knows nothing.</summary>
    internal void Reset()
    {
        Due = DueMessages.None;
        IsAnnounced = IsReady = false;
        ForgetChain();
    }

    /// <summary>The chains of the queue that the driver sends by are stale.</summary>
    internal void ForgetChain()
    {
        _chain = null;
        _chainPort = null;
        _offset = 0;
    }

    internal ConsolePortState SaveState()
    {
        Port?.Output.Flush(now: true);
        return new ConsolePortState
        {
            Exists = Port is not null,
            Name = Port?.Name,
            IsConsole = Port?.IsConsole ?? false,
            IsOpen = Port?.IsOpen ?? false,
            IsGuestOpen = Port?.IsGuestOpen ?? false,
            Columns = Port?.Columns ?? 0,
            Rows = Port?.Rows ?? 0,
            IsAnnounced = IsAnnounced,
            IsReady = IsReady,
            DueMessages = (int)Due,

            // What is left of a chain for a port that has gone is nobody's. Without a chain it may be that of a loaded state, not taken yet.
            BytesTaken = _chain is null || _chainPort == Port ? _offset : long.MaxValue,
        };
    }

    /// <summary>The chain that the queue gives first is the one that some bytes were taken of.</summary>
    internal void LoadState(ConsolePortState state)
    {
        Due = (DueMessages)state.DueMessages;
        IsAnnounced = state.IsAnnounced;
        IsReady = state.IsReady;
        _offset = state.BytesTaken;
        if (IsReady && Port is { } port)
        {
            Due |= port.IsOpen != state.IsOpen ? DueMessages.Open : DueMessages.None;
            Due |= port.IsConsole && (port.Columns != state.Columns || port.Rows != state.Rows) ? DueMessages.Resize : DueMessages.None;
        }
    }

    /// <summary>Gives the driver what the host has written.</summary>
    /// <returns>True: there is more to do.</returns>
    internal bool Deliver(Virtqueue queue) => Port is { IsGuestOpen: true } port && port.Input.Give(queue, MaxBytesPerLook);

    /// <summary>Takes what the driver sends, as far as there is room; without a port nobody gets it.</summary>
    /// <returns>True: there is more to do.</returns>
    internal bool Accept(Virtqueue queue)
    {
        ConsolePort? port = Port;
        long limit = MaxBytesPerLook;
        while (_chain is not null || queue.TryTake(out _chain))
        {
            _chainPort ??= port;

            // What is left of a chain for a port that has gone is not the next one's.
            while (port is not null && port == _chainPort && _offset < _chain.ReadableLength)
            {
                if (limit <= 0)
                {
                    port.Output.Flush(!port.IsConsole);
                    return true;
                }

                long taken = port.Output.Take(_chain, _offset);
                if (taken == ConsoleOutput.NoRoom)
                {
                    return false; // the chain waits, and the driver with it
                }

                if (taken == 0)
                {
                    break;
                }

                _offset += taken;
                limit -= taken;
            }

            queue.Complete(_chain, 0);
            ForgetChain();
            limit -= ChainCost;
            if (limit <= 0)
            {
                port?.Output.Flush(!port.IsConsole);
                return true;
            }
        }

        port?.Output.Flush(!port.IsConsole);
        return false;
    }
}
