namespace HvSdk.Devices.Virtio;

/// <summary>All connections of a device, and those of them that have something for the guest. Any thread may call.</summary>
/// <remarks>A connection is at most once among the ready ones, so that both are bounded by the number of connections.</remarks>
internal sealed class VsockConnectionTable(int limit)
{
    private const uint FirstEphemeralPort = 1 << 16;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, VsockConnection> _connections = [];
    private readonly Queue<VsockConnection> _ready = new();
    private uint _nextPort = FirstEphemeralPort;
    private bool _isOpen;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _connections.Count;
            }
        }
    }

    /// <summary>A driver has come.</summary>
    public void Open()
    {
        lock (_gate)
        {
            _isOpen = true;
        }
    }

    /// <summary>The driver has gone: takes all connections out.</summary>
    public VsockConnection[] Close()
    {
        lock (_gate)
        {
            _isOpen = false;
            VsockConnection[] all = [.. _connections.Values];
            _connections.Clear();
            _ready.Clear();
            return all;
        }
    }

    /// <summary>All connections there are.</summary>
    public VsockConnection[] List()
    {
        lock (_gate)
        {
            return [.. _connections.Values];
        }
    }

    public VsockConnection? Find(uint localPort, uint remotePort)
    {
        lock (_gate)
        {
            return _connections.GetValueOrDefault(Key(localPort, remotePort));
        }
    }

    /// <summary>Adds a connection that the guest asks for; false where there are too many.</summary>
    public bool TryAdd(VsockConnection connection)
    {
        lock (_gate)
        {
            return _isOpen && _connections.Count < limit && _connections.TryAdd(Key(connection.LocalPort, connection.RemotePort), connection);
        }
    }

    /// <summary>Adds a connection that the host asks for, on a port of its own.</summary>
    public VsockConnection Add(VsockDevice device, uint remotePort)
    {
        lock (_gate)
        {
            if (!_isOpen)
            {
                throw new VsockException(VsockError.NoDriver, "No driver has the vsock device in use. Wait until the guest has booted and loaded its vsock driver.");
            }

            if (_connections.Count >= limit)
            {
                throw new VsockException(
                    VsockError.TooManyConnections, $"{limit} connections exist, and no more are allowed. Dispose of some, or raise {nameof(VsockDeviceOptions)}.{nameof(VsockDeviceOptions.MaxConnections)}.");
            }

            // The limit is far below the number of ports, so that a free one comes soon.
            uint port;
            do
            {
                port = _nextPort;
                _nextPort = _nextPort >= uint.MaxValue - 1 ? FirstEphemeralPort : _nextPort + 1;
            }
            while (_connections.ContainsKey(Key(port, remotePort)));

            var connection = new VsockConnection(device, port, remotePort, isOutgoing: true);
            _connections.Add(Key(port, remotePort), connection);
            return connection;
        }
    }

    public void Remove(VsockConnection connection)
    {
        lock (_gate)
        {
            ulong key = Key(connection.LocalPort, connection.RemotePort);
            if (_connections.GetValueOrDefault(key) == connection)
            {
                _connections.Remove(key);
            }
        }
    }

    /// <summary>Notes that a connection has something for the guest.</summary>
    /// <returns>False: that was noted already.</returns>
    public bool TryMarkReady(VsockConnection connection)
    {
        if (connection.IsClosed || connection.ExchangeReady(true))
        {
            return false;
        }

        lock (_gate)
        {
            _ready.Enqueue(connection);
        }

        return true;
    }

    /// <summary>Takes the connection that has waited longest. What it gets to send from then on marks it anew.</summary>
    public VsockConnection? TakeReady()
    {
        VsockConnection? connection;
        lock (_gate)
        {
            _ready.TryDequeue(out connection);
        }

        connection?.ExchangeReady(false);
        return connection;
    }

    /// <summary>Collects the connections whose time is over.</summary>
    /// <returns>True: others wait for theirs.</returns>
    public bool CollectExpired(long now, List<VsockConnection> expired)
    {
        bool areMore = false;
        lock (_gate)
        {
            foreach (VsockConnection connection in _connections.Values)
            {
                if (connection.Deadline <= now)
                {
                    expired.Add(connection);
                }
                else
                {
                    areMore |= connection.Deadline != long.MaxValue;
                }
            }
        }

        return areMore;
    }

    private static ulong Key(uint localPort, uint remotePort) => ((ulong)localPort << 32) | remotePort;
}
