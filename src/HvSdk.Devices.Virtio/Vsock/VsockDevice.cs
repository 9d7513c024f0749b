using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>Stream sockets between the host and its guest, without a network (virtio 1.2, 5.10). In a Linux guest: AF_VSOCK, and the host has CID 2.</summary>
/// <remarks>
/// The host connects to a guest's port and listens on ports of its own by this object alone: no socket of the host's system is made, and no other process can
/// connect. Members may be called on any thread. What a guest does wrong resets its connection and no more; a guest holds at most
/// <see cref="VsockDeviceOptions.MaxConnections"/> connections and <see cref="VsockDeviceOptions.ReceiveBufferSize"/> bytes in each.
/// </remarks>
/// <example>
/// A guest's web server, without a network:
/// <code>
/// var handler = new SocketsHttpHandler { ConnectCallback = async (_, token) => (await vsock.ConnectAsync(80, token)).AsStream() };
/// using var http = new HttpClient(handler);
/// string page = await http.GetStringAsync("http://guest/");
/// </code>
/// </example>
public sealed partial class VsockDevice : VirtioDevice
{
    private const uint VsockDeviceId = 19;
    private const ulong StreamFeature = 1; // VIRTIO_VSOCK_F_STREAM (virtio 1.2, 5.10.3)
    private const int ReceiveQueue = 0;
    private const int TransmitQueue = 1;
    private const int QueueSize = 256;
    private const int EventQueueSize = 16;

    private static readonly TimeSpan s_sweepInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _listenersGate = new();
    private readonly Dictionary<uint, VsockListener> _listeners = [];
    private readonly List<VsockConnection> _expired = [];
    private readonly VsockConnectionTable _table;
    private ITimer? _sweep;
    private bool _isSweeping;
    private int _isSweepDue;
    private bool _isEnded;

    /// <summary>Makes one.</summary>
    /// <param name="options">Copied; null: the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public VsockDevice(VsockDeviceOptions? options = null)
    {
        Options = (options ?? new VsockDeviceOptions()).Validated();
        _table = new VsockConnectionTable(Options.MaxConnections);
    }

    /// <inheritdoc/>
    public override uint DeviceId => VsockDeviceId;

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; } = [QueueSize, QueueSize, EventQueueSize];

    /// <inheritdoc/>
    public override ulong DeviceFeatures => StreamFeature;

    /// <inheritdoc/>
    public override int ConfigurationLength => sizeof(ulong); // guest_cid (virtio 1.2, 5.10.4)

    /// <summary>The guest's context identifier.</summary>
    public uint GuestCid => Options.GuestCid;

    /// <summary>Connections that exist, those that are being made or closed included.</summary>
    public int ConnectionCount => _table.Count;

    /// <summary>Bytes of data that the guest got since the device was made.</summary>
    public long BytesToGuest => Interlocked.Read(ref _bytesToGuest);

    /// <summary>Bytes of data that the guest has sent since the device was made.</summary>
    public long BytesFromGuest => Interlocked.Read(ref _bytesFromGuest);

    /// <summary>Packets of the guest's that were no packets, or for somebody else, and that nothing was done for.</summary>
    public long PacketsDropped => Interlocked.Read(ref _packetsDropped);

    internal VsockDeviceOptions Options { get; }

    /// <summary>Connects to a port of the guest's.</summary>
    /// <param name="port">0 to 0xFFFF_FFFE.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The connection; the caller disposes of it.</returns>
    /// <exception cref="VsockException">The guest refused or did not answer, no driver is there, or too many connections exist.</exception>
    public async ValueTask<VsockConnection> ConnectAsync(uint port, CancellationToken cancellationToken = default)
    {
        CheckPort(port);
        cancellationToken.ThrowIfCancellationRequested();
        VsockConnection connection = _table.Add(this, port);
        MarkReady(connection);
        try
        {
            await connection.Connected.WaitAsync(Options.ConnectTimeout, TimeProvider, cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch (TimeoutException)
        {
            connection.Abort();
            throw new VsockException(VsockError.TimedOut, $"The guest did not answer on port {port} within {Options.ConnectTimeout}. Is its vsock driver at work?");
        }
        catch (OperationCanceledException)
        {
            connection.Abort();
            throw;
        }
    }

    /// <summary>Listens on a port of the host's. It may be called before the machine exists, and outlives the guest's reboots.</summary>
    /// <param name="port">0 to 0xFFFF_FFFE.</param>
    /// <param name="backlog">Connections that may wait to be accepted, 1 to 65535; the guest's further ones are refused.</param>
    /// <returns>The listener; the caller disposes of it.</returns>
    /// <exception cref="InvalidOperationException">Somebody listens on the port already.</exception>
    /// <exception cref="ObjectDisposedException">The machine has ended.</exception>
    public VsockListener Listen(uint port, int backlog = 128)
    {
        CheckPort(port);
        if (backlog is < 1 or > ushort.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(backlog), backlog, $"Let 1 to {ushort.MaxValue} connections wait.");
        }

        var listener = new VsockListener(this, port, backlog);
        lock (_listenersGate)
        {
            ObjectDisposedException.ThrowIf(_isEnded, this);
            if (!_listeners.TryAdd(port, listener))
            {
                throw new InvalidOperationException($"Somebody listens on port {port} already. Dispose of that listener first, or take another port.");
            }
        }

        return listener;
    }

    /// <inheritdoc/>
    protected internal override long Errors => PacketsDropped;

    /// <inheritdoc/>
    protected internal override void ReadConfiguration(int offset, Span<byte> data)
    {
        Span<byte> configuration = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(configuration, Options.GuestCid);
        configuration.Slice(offset, data.Length).CopyTo(data);
    }

    /// <inheritdoc/>
    protected internal override void OnActivated() => _table.Open();

    /// <inheritdoc/>
    protected internal override void OnWoken()
    {
        if (Interlocked.Exchange(ref _isSweepDue, 0) != 0)
        {
            Sweep();
        }
    }

    /// <inheritdoc/>
    protected internal override void Process(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        if (queue.Index == TransmitQueue)
        {
            ReceiveFromGuest(queue);
        }
        else if (queue.Index == EventQueue)
        {
            SendEvents(queue);
        }

        // What the guest sent may have made something to answer.
        if (queue.Index <= TransmitQueue && FindQueue(ReceiveQueue) is { } receiveQueue)
        {
            SendToGuest(receiveQueue);
        }
    }

    /// <inheritdoc/>
    protected internal override void OnReset()
    {
        _strays.Clear();
        _isTransportResetDue = false;
        foreach (VsockConnection connection in _table.Close())
        {
            connection.End(connection.Fail(VsockError.DeviceReset, "has broken: the guest's driver has reset the device, or the machine has ended"));
        }

        lock (_listenersGate)
        {
            foreach (VsockListener listener in _listeners.Values)
            {
                listener.Drain();
            }
        }
    }

    /// <inheritdoc/>
    protected internal override void OnEnded()
    {
        _sweep?.Dispose();
        VsockListener[] listeners;
        lock (_listenersGate)
        {
            _isEnded = true;
            listeners = [.. _listeners.Values];
            _listeners.Clear();
        }

        foreach (VsockListener listener in listeners)
        {
            listener.End();
        }
    }

    internal void Remove(VsockListener listener)
    {
        lock (_listenersGate)
        {
            if (_listeners.GetValueOrDefault(listener.Port) == listener)
            {
                _listeners.Remove(listener.Port);
            }
        }
    }

    /// <summary>A connection has something for the guest, or for the worker. Any thread may call.</summary>
    internal void MarkReady(VsockConnection connection)
    {
        if (_table.TryMarkReady(connection))
        {
            Wake();
        }
    }

    /// <summary>When a connection that is closed now is reset. Called on the worker.</summary>
    internal long NextDeadline()
    {
        if (!_isSweeping)
        {
            _isSweeping = true;
            TimeSpan interval = Options.CloseTimeout < s_sweepInterval ? Options.CloseTimeout : s_sweepInterval;
            _sweep ??= TimeProvider.CreateTimer(static self => ((VsockDevice)self!).OnSweepDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _sweep.Change(interval, interval);
        }

        return TimeProvider.GetTimestamp() + (long)(Options.CloseTimeout.TotalSeconds * TimeProvider.TimestampFrequency);
    }

    private static void CheckPort(uint port)
    {
        if (port == uint.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(port), port, "0xFFFFFFFF means any port, and cannot be one. Take a port from 0 to 0xFFFFFFFE.");
        }
    }

    private void OnSweepDue()
    {
        Volatile.Write(ref _isSweepDue, 1);
        Wake();
    }

    /// <summary>Resets the connections that the guest was to take leave of, and did not.</summary>
    private void Sweep()
    {
        _isSweeping = _table.CollectExpired(TimeProvider.GetTimestamp(), _expired);
        if (!_isSweeping)
        {
            _sweep?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        foreach (VsockConnection connection in _expired)
        {
            connection.BeginReset(connection.Fail(VsockError.TimedOut, "was closed, and the guest did not agree in time"));
            MarkReady(connection);
        }

        _expired.Clear();
    }
}
