using System.Numerics;

namespace HvSdk.Devices.Virtio;

/// <summary>How a <see cref="NetworkDevice"/> is made.</summary>
public sealed record NetworkDeviceOptions
{
    private const int MinMtu = 68; // virtio 1.2, 5.1.4.1
    private const int MaxMtu = 65535;
    private const int MaxQueuePairs = 16;
    private const int MinQueueSize = 4;
    private const int MaxQueueSize = 1024;
    private const int MinReceiveBufferSize = 256 << 10;
    private const int MaxReceiveBufferSize = 1 << 30;

    /// <summary>The guest's address; null: a random one of the range that belongs to no manufacturer. Not a group's and not all zeroes.</summary>
    public MacAddress? MacAddress { get; init; }

    /// <summary>The longest packet in bytes, without the Ethernet header, that the guest shall use: 68 to 65535; null: nothing is said, and guests take 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>Pairs of queues, 1 to 16; a guest uses one for each processor where there are enough. All are served by the device's one worker.</summary>
    public int QueuePairs { get; init; } = 1;

    /// <summary>Entries of each queue: a power of two from 4 to 1024.</summary>
    public int QueueSize { get; init; } = 256;

    /// <summary>What the guest may leave to the device. By default all: what the back-end does not take, the device does.</summary>
    public NetworkOffloads Offloads { get; init; } = NetworkOffloads.All;

    /// <summary>Bytes of frames that wait for the guest at most, 256 KiB to 1 GiB. A back-end that hands in more is told that there is no room.</summary>
    public int ReceiveBufferSize { get; init; } = 1 << 20;

    /// <summary>Whether the link is up at the start.</summary>
    public bool IsLinkUp { get; init; } = true;

    /// <summary>Speed of the link in Mbit/s that the guest is told, at least 1; null: nothing is said. It limits nothing.</summary>
    public int? Speed { get; init; }

    /// <summary>Frames that the guest sends in a second; null: no limit. One to be cut into segments counts as one.</summary>
    public RateLimit? TransmitFrames { get; init; }

    /// <summary>Bytes that the guest sends in a second; null: no limit.</summary>
    public RateLimit? TransmitBytes { get; init; }

    /// <summary>Frames that the guest gets in a second; null: no limit. Those above wait, as far as <see cref="ReceiveBufferSize"/> goes.</summary>
    public RateLimit? ReceiveFrames { get; init; }

    /// <summary>Bytes that the guest gets in a second; null: no limit.</summary>
    public RateLimit? ReceiveBytes { get; init; }

    /// <summary>Throws where a value is out of its range.</summary>
    internal void Validate()
    {
        Require(MacAddress is null or { IsStation: true }, nameof(MacAddress), MacAddress, "a station's own address: not a group's (lowest bit of the first byte), and not all zeroes");
        Require(Mtu is null or (>= MinMtu and <= MaxMtu), nameof(Mtu), Mtu, $"{MinMtu} to {MaxMtu}");
        Require(QueuePairs is >= 1 and <= MaxQueuePairs, nameof(QueuePairs), QueuePairs, $"1 to {MaxQueuePairs}");
        Require(QueueSize is >= MinQueueSize and <= MaxQueueSize && BitOperations.IsPow2(QueueSize), nameof(QueueSize), QueueSize, $"a power of two from {MinQueueSize} to {MaxQueueSize}");
        Require(
            (Offloads & ~NetworkOffloads.All) == 0 && (Offloads == 0 || Offloads.HasFlag(NetworkOffloads.Checksum)), nameof(Offloads), Offloads, $"none, or {NetworkOffloads.Checksum} with or without the others");
        Require(
            ReceiveBufferSize is >= MinReceiveBufferSize and <= MaxReceiveBufferSize, nameof(ReceiveBufferSize), ReceiveBufferSize, $"{MinReceiveBufferSize} to {MaxReceiveBufferSize}");
        Require(Speed is null or >= 1, nameof(Speed), Speed, "at least 1 Mbit/s, or null");
    }

    private static void Require(bool isMet, string name, object? value, string range)
    {
        if (!isMet)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{nameof(NetworkDeviceOptions)}.{name} is {range}.");
        }
    }
}
