namespace HvSdk.Devices.Virtio;

/// <summary>A cable within the process: joins two machines, or a machine to user code (<see cref="NetworkPeer"/>). Any thread may use it.</summary>
/// <remarks>
/// Frames go from one end to the other with their checksums and segments left to do, as far as the other end takes them so. The link is up while both ends are in use;
/// what is sent while nobody is at the other end is thrown away.
/// </remarks>
public sealed class NetworkPair
{
    private readonly End _first;
    private readonly End _second;

    /// <summary>Makes one.</summary>
    /// <param name="whenFull">What happens where the other end has no room.</param>
    public NetworkPair(FullNetwork whenFull = FullNetwork.Wait)
    {
        _first = new End(this, whenFull);
        _second = new End(this, whenFull);
    }

    /// <summary>One end.</summary>
    public INetworkBackend First => _first;

    /// <summary>The other end.</summary>
    public INetworkBackend Second => _second;

    /// <summary>Frames thrown away, of both directions: as nobody was at the other end, or as it had no room.</summary>
    public long Dropped => Interlocked.Read(ref _first.Dropped) + Interlocked.Read(ref _second.Dropped);

    private sealed class End(NetworkPair pair, FullNetwork whenFull) : INetworkBackend
    {
        public long Dropped;
        private INetworkPort? _port;

        public NetworkOffloads Takes => OtherPort?.Takes ?? NetworkOffloads.All;

        public NetworkOffloads Gives => NetworkOffloads.All;

        private INetworkPort? OtherPort => Volatile.Read(ref (this == pair._first ? pair._second : pair._first)._port);

        public void Attach(INetworkPort port)
        {
            ArgumentNullException.ThrowIfNull(port);
            if (Interlocked.CompareExchange(ref _port, port, null) is not null)
            {
                throw new InvalidOperationException($"This end of the {nameof(NetworkPair)} is in use already. Use the other end, or make a new pair.");
            }

            INetworkPort? other = OtherPort;
            port.SetLink(other is not null);
            other?.SetLink(true);
        }

        public bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload)
        {
            if (OtherPort is { } other && other.TryDeliver(frame, offload))
            {
                return true;
            }

            if (OtherPort is not null && whenFull == FullNetwork.Wait)
            {
                return false;
            }

            Interlocked.Increment(ref Dropped);
            return true;
        }

        public void OnRoom() => OtherPort?.OnRoom();
    }
}
