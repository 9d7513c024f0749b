using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>An Ethernet card (virtio 1.2, 5.1), joined to an <see cref="INetworkBackend"/>.</summary>
/// <remarks>
/// The guest may leave checksums and the cutting into segments to the device; what the back-end does not take is done here, and so is what the guest's driver does
/// not take of incoming frames. A back-end without room makes the guest wait; a guest without buffers makes the back-end wait, behind
/// <see cref="NetworkDeviceOptions.ReceiveBufferSize"/>. Nothing allocates per frame.
/// </remarks>
/// <example>
/// <code>
/// var cable = new NetworkPair();
/// first.AddDevice(new VirtioMmio(new NetworkDevice(cable.First)));
/// second.AddDevice(new VirtioMmio(new NetworkDevice(cable.Second)));
/// </code>
/// </example>
public sealed partial class NetworkDevice : VirtioDevice, INetworkPort
{
    /// <summary>Bytes of the longest frame: a packet of 65535 with an Ethernet header and one VLAN tag.</summary>
    public const int MaxFrameLength = 65535 + 18;

    private const uint NetworkDeviceId = 1;
    private const int QueuesInPair = 2;

    // What one look does at most for each direction: the guest's reset waits for it.
    private const int FramesInLook = 128;

    private readonly INetworkBackend _backend;
    private readonly NetworkDeviceOptions _options;
    private readonly NetworkOffloads _gives;
    private readonly ReceiveFilter _filter = new();
    private MacAddress _ownAddress;
    private ulong _currentAddress;
    private bool _isLinkWanted;
    private bool _isLinkGiven = true;
    private int _pairs = 1;

    /// <summary>Makes one.</summary>
    /// <param name="backend">What it is joined to; it serves no other device. It is the caller's, who may dispose of it once the machine has ended, or before: the link is down then.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <exception cref="ArgumentException">The back-end wants an impossible <see cref="INetworkBackend.HeaderRoom"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The back-end serves a device already.</exception>
    public NetworkDevice(INetworkBackend backend, NetworkDeviceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(backend);
        _options = options ?? new NetworkDeviceOptions();
        _options.Validate();
        _backend = backend;
        _gives = backend.Gives;
        _headerRoom = backend.HeaderRoom is >= 0 and <= INetworkBackend.MaxHeaderRoom and var room
            ? room
            : throw new ArgumentException(
                $"{backend.GetType().Name}.{nameof(INetworkBackend.HeaderRoom)} is {backend.HeaderRoom}; it is 0 to {INetworkBackend.MaxHeaderRoom} bytes before each frame.", nameof(backend));
        _frame = new byte[_headerRoom + MaxFrameLength];
        _segment = new byte[_headerRoom + MaxFrameLength];
        _ownAddress = _options.MacAddress ?? MacAddress.CreateRandom();
        _currentAddress = _ownAddress.Value;
        _isLinkWanted = _options.IsLinkUp;
        _received = new FrameQueue(_options.ReceiveBufferSize);
        _sendsBuffers = backend.TakesBuffers && _options.TransmitFrames is null && _options.TransmitBytes is null;
        _isReceiveLimited = _options.ReceiveFrames is not null || _options.ReceiveBytes is not null;
        _receivers = new ReceiveQueue[_options.QueuePairs];
        for (int i = 0; i < _receivers.Length; i++)
        {
            _receivers[i] = new ReceiveQueue(_options.QueueSize);
        }

        int[] sizes = new int[(_options.QueuePairs * QueuesInPair) + 1];
        Array.Fill(sizes, _options.QueueSize);
        QueueSizes = sizes;
        _filter.Reset(filtersVlans: false);
        backend.Attach(this);
    }

    /// <inheritdoc/>
    public override uint DeviceId => NetworkDeviceId;

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; }

    /// <inheritdoc/>
    public override int ConfigurationLength => NetworkConfiguration.Length;

    /// <summary>The guest's address: the one that the device was made with, until the driver sets another.</summary>
    public MacAddress MacAddress
    {
        get
        {
            Span<byte> bytes = stackalloc byte[MacAddress.Length];
            WriteAddress(bytes);
            return new MacAddress(bytes);
        }
    }

    /// <summary>Whether the link is up; set it at any time, on any thread. It is also down while the back-end says that nobody is at its other end.</summary>
    public bool IsLinkUp
    {
        get => Volatile.Read(ref _isLinkWanted) && Volatile.Read(ref _isLinkGiven);
        set => ChangeLink(ref _isLinkWanted, value);
    }

    /// <summary>The guest was asked to tell its network where it is (<see cref="Announce"/>), and has not yet said that it does.</summary>
    public bool IsAnnouncing => Volatile.Read(ref _isAnnouncing);

    /// <summary>What it has done.</summary>
    public NetworkStatistics Statistics { get; } = new();

    /// <summary>Pairs of queues that the driver uses.</summary>
    public int ActiveQueuePairs => Volatile.Read(ref _pairs);

    /// <inheritdoc/>
    public override ulong DeviceFeatures
    {
        get
        {
            ulong features = NetworkFeature.Mac | NetworkFeature.Status | NetworkFeature.MergeableBuffers | NetworkFeature.ControlQueue | NetworkFeature.ControlReceive
                | NetworkFeature.ControlReceiveExtra | NetworkFeature.ControlVlan | NetworkFeature.ControlMac | NetworkFeature.GuestAnnounce;
            features |= _options.Mtu is null ? 0 : NetworkFeature.Mtu;
            features |= _options.Speed is null ? 0 : NetworkFeature.SpeedDuplex;
            features |= _options.QueuePairs > 1 ? NetworkFeature.MultiQueue : 0;
            NetworkOffloads host = _options.Offloads;
            features |= host.HasFlag(NetworkOffloads.Checksum) ? NetworkFeature.Checksum : 0;
            features |= host.HasFlag(NetworkOffloads.TcpIPv4) ? NetworkFeature.HostTso4 | NetworkFeature.HostEcn : 0;
            features |= host.HasFlag(NetworkOffloads.TcpIPv6) ? NetworkFeature.HostTso6 | NetworkFeature.HostEcn : 0;
            NetworkOffloads guest = host & _gives;
            if (guest.HasFlag(NetworkOffloads.Checksum))
            {
                features |= NetworkFeature.GuestChecksum | NetworkFeature.ControlGuestOffloads;
                features |= guest.HasFlag(NetworkOffloads.TcpIPv4) ? NetworkFeature.GuestTso4 | NetworkFeature.GuestEcn : 0;
                features |= guest.HasFlag(NetworkOffloads.TcpIPv6) ? NetworkFeature.GuestTso6 | NetworkFeature.GuestEcn : 0;
            }

            return features;
        }
    }

    /// <inheritdoc/>
    protected internal override long Errors => Statistics.Malformed + Statistics.TooLarge;

    /// <inheritdoc/>
    protected internal override bool Accepts(ulong features)
    {
        // What needs what: virtio 1.2, 5.1.3.1.
        return Needs(NetworkFeature.GuestTso4 | NetworkFeature.GuestTso6, NetworkFeature.GuestChecksum)
            && Needs(NetworkFeature.GuestEcn, NetworkFeature.GuestTso4 | NetworkFeature.GuestTso6)
            && Needs(NetworkFeature.HostTso4 | NetworkFeature.HostTso6, NetworkFeature.Checksum)
            && Needs(NetworkFeature.HostEcn, NetworkFeature.HostTso4 | NetworkFeature.HostTso6)
            && Needs(
                NetworkFeature.ControlReceive | NetworkFeature.ControlVlan | NetworkFeature.ControlMac | NetworkFeature.MultiQueue | NetworkFeature.ControlGuestOffloads | NetworkFeature.GuestAnnounce,
                NetworkFeature.ControlQueue);

        bool Needs(ulong any, ulong oneOf) => (features & any) == 0 || (features & oneOf) != 0;
    }

    /// <inheritdoc/>
    protected internal override void ReadConfiguration(int offset, Span<byte> data)
    {
        Span<byte> bytes = stackalloc byte[NetworkConfiguration.Length];
        bytes.Clear();
        WriteAddress(bytes[NetworkConfiguration.Mac..]);
        int status = (IsLinkUp ? NetworkConfiguration.LinkUp : 0) | (IsAnnouncing ? NetworkConfiguration.Announce : 0);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[NetworkConfiguration.Status..], (ushort)status);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[NetworkConfiguration.MaxQueuePairs..], (ushort)_options.QueuePairs);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[NetworkConfiguration.Mtu..], (ushort)(_options.Mtu ?? 0));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[NetworkConfiguration.Speed..], (uint?)_options.Speed ?? NetworkConfiguration.SpeedUnknown);
        bytes[NetworkConfiguration.Duplex] = _options.Speed is null ? NetworkConfiguration.DuplexUnknown : NetworkConfiguration.DuplexFull;
        bytes.Slice(offset, data.Length).CopyTo(data);
    }

    /// <inheritdoc/>
    protected internal override void OnActivated()
    {
        _transmitTimer ??= CreateTimer();
        _receiveTimer ??= CreateTimer();
        _transmitLimit ??= new NetworkThrottle(_options.TransmitFrames, _options.TransmitBytes, TimeProvider);
        _receiveLimit ??= new NetworkThrottle(_options.ReceiveFrames, _options.ReceiveBytes, TimeProvider);
        Begin();
        _filter.Reset(Has(NetworkFeature.ControlVlan));
    }

    /// <inheritdoc/>
    protected internal override void Process(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        int pairs = Has(NetworkFeature.MultiQueue) ? _options.QueuePairs : 1;
        if (queue.Index >= pairs * QueuesInPair)
        {
            if (queue.Index == pairs * QueuesInPair && Has(NetworkFeature.ControlQueue))
            {
                ProcessControl(queue);
            }
        }
        else if (IsFirstOfItsKind(queue.Index))
        {
            if (queue.Index % QueuesInPair == 0)
            {
                Receive();
            }
            else
            {
                Transmit(pairs);
            }
        }
    }

    /// <inheritdoc/>
    protected internal override void OnReset()
    {
        _transmitTimer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _receiveTimer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Begin();
        Volatile.Write(ref _currentAddress, _ownAddress.Value);
    }

    /// <inheritdoc/>
    protected internal override void OnQueueReset(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        if (queue.Index % QueuesInPair == 0 && queue.Index / QueuesInPair < _receivers.Length)
        {
            _receivers[queue.Index / QueuesInPair].Clear();
        }
    }

    NetworkOffloads INetworkPort.Takes => NetworkOffloads.All;

    void INetworkPort.OnRoom() => Wake();

    void INetworkPort.SetLink(bool isUp) => ChangeLink(ref _isLinkGiven, isUp);

    private void Begin()
    {
        Volatile.Write(ref _pairs, 1);
        Volatile.Write(ref _isAnnouncing, false);
        _guestOffloads = NegotiatedFeatures & NetworkFeature.GuestOffloads;
        DropTransmit();
        DropReceived();
    }

    private void WriteAddress(Span<byte> bytes)
    {
        ulong address = Volatile.Read(ref _currentAddress);
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)(address >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[2..], (uint)address);
    }

    private void ChangeLink(ref bool part, bool value)
    {
        bool was = IsLinkUp;
        Volatile.Write(ref part, value);
        if (was != IsLinkUp)
        {
            NotifyConfigurationChanged();
            Wake();
        }
    }

    private ITimer CreateTimer() => TimeProvider.CreateTimer(static device => ((NetworkDevice)device!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>All queues of a kind are served together, where the first of them has its turn.</summary>
    private bool IsFirstOfItsKind(int index)
    {
        for (int i = index - QueuesInPair; i >= 0; i -= QueuesInPair)
        {
            if (FindQueue(i) is not null)
            {
                return false;
            }
        }

        return true;
    }
}
