namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="NetworkDevice"/> keeps, as plain data. Its back-end, and what waits there, is the caller's.</summary>
public sealed record NetworkDeviceState : VirtioDeviceState
{
    /// <summary>The address that the device was made with, 6 bytes.</summary>
    public required IReadOnlyList<byte> OwnAddress { get; init; }

    /// <summary>The address that it has now, 6 bytes.</summary>
    public required IReadOnlyList<byte> Address { get; init; }

    /// <summary>The link was up.</summary>
    public bool IsLinkUp { get; init; }

    /// <summary>Pairs of queues that the driver uses.</summary>
    public int QueuePairs { get; init; }

    /// <summary>What the driver takes of incoming frames, as feature bits (virtio 1.2, 5.1.6.5.6).</summary>
    public ulong GuestOffloads { get; init; }

    /// <summary>Which frames the driver wants.</summary>
    public required NetworkFilterState Filter { get; init; }

    /// <summary>The guest's frame that the back-end has not taken yet, or null.</summary>
    public NetworkFrameState? Sending { get; init; }

    /// <summary>Segments of it that the back-end has taken.</summary>
    public int SentSegments { get; init; }

    /// <summary>Frames for the guest that wait for its buffers, in their order.</summary>
    public IReadOnlyList<NetworkFrameState> Received { get; init; } = [];

    /// <summary>Segments of the first of them that the guest has got.</summary>
    public int ReceivedSegments { get; init; }

    /// <summary>The first of them has passed the filter and the rate limits.</summary>
    public bool IsReceiveAdmitted { get; init; }
}

/// <summary>A frame, as plain data.</summary>
public sealed record NetworkFrameState
{
    /// <summary>Its bytes.</summary>
    public required IReadOnlyList<byte> Bytes { get; init; }

    /// <summary>What is left to do on it.</summary>
    public FrameOffload Offload { get; init; }
}

/// <summary>Which frames a driver wants (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3), as plain data.</summary>
public sealed record NetworkFilterState
{
    /// <summary>All frames.</summary>
    public bool IsPromiscuous { get; init; }

    /// <summary>All multicast frames.</summary>
    public bool AllMulticast { get; init; }

    /// <summary>All unicast frames.</summary>
    public bool AllUnicast { get; init; }

    /// <summary>No multicast frames.</summary>
    public bool NoMulticast { get; init; }

    /// <summary>No unicast frames.</summary>
    public bool NoUnicast { get; init; }

    /// <summary>No broadcast frames.</summary>
    public bool NoBroadcast { get; init; }

    /// <summary>Unicast addresses beside the device's own, the first byte in bits 47 to 40; null: more than the device keeps, so all pass.</summary>
    public IReadOnlyList<ulong>? Unicast { get; init; } = [];

    /// <summary>Multicast addresses; null: more than the device keeps, so all pass.</summary>
    public IReadOnlyList<ulong>? Multicast { get; init; } = [];

    /// <summary>VLANs whose frames pass.</summary>
    public IReadOnlyList<int> Vlans { get; init; } = [];
}
