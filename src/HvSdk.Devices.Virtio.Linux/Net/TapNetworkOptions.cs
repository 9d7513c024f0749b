namespace HvSdk.Devices.Virtio.Linux;

/// <summary>How a <see cref="TapNetwork"/> is made.</summary>
public sealed record TapNetworkOptions
{
    private const int MaxQueues = 16;

    /// <summary>
    /// Queues of the interface, 1 to 16: best as many as the device's <see cref="NetworkDeviceOptions.QueuePairs"/>. With more than one the interface is multi-queue (IFF_MULTI_QUEUE), and a
    /// connection's frames come back on the queue that the guest sends them on.
    /// </summary>
    public int Queues { get; init; } = 1;

    /// <summary>What the host's kernel may leave to the guest on frames for it. By default all: TCP comes in pieces of up to 64 KiB whose checksums nobody works out.</summary>
    public NetworkOffloads Offloads { get; init; } = NetworkOffloads.All;

    internal void Validate()
    {
        if (Queues is < 1 or > MaxQueues)
        {
            throw new ArgumentOutOfRangeException(nameof(Queues), Queues, $"{nameof(TapNetworkOptions)}.{nameof(Queues)} is 1 to {MaxQueues}: one for each pair of queues of the device.");
        }

        if ((Offloads & ~NetworkOffloads.All) != 0 || (Offloads != NetworkOffloads.None && !Offloads.HasFlag(NetworkOffloads.Checksum)))
        {
            throw new ArgumentOutOfRangeException(
                nameof(Offloads), Offloads, $"{nameof(TapNetworkOptions)}.{nameof(Offloads)} is none, or {NetworkOffloads.Checksum} with or without the others.");
        }
    }
}
