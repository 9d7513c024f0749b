namespace HvSdk.Devices.Virtio;

/// <summary>What is left to do on a frame before it could go over a wire. The default value: nothing.</summary>
/// <remarks>A device has checked these against the frame when it hands them on: offsets lie within it, and headers are where they should be.</remarks>
public readonly record struct FrameOffload
{
    /// <summary>The 16 bits at <see cref="ChecksumStart"/> + <see cref="ChecksumOffset"/> hold the sum of the pseudo header, and are to be replaced with the checksum from <see cref="ChecksumStart"/> to the frame's end.</summary>
    public bool NeedsChecksum { get; init; }

    /// <summary>Where the checksum starts: the first byte of the TCP or UDP header, counted from the frame's start.</summary>
    public ushort ChecksumStart { get; init; }

    /// <summary>Where the checksum goes, counted from <see cref="ChecksumStart"/>: 16 for TCP, 6 for UDP.</summary>
    public ushort ChecksumOffset { get; init; }

    /// <summary>Somebody has checked the checksums already. Means nothing where <see cref="NeedsChecksum"/> is set.</summary>
    public bool IsChecksumValid { get; init; }

    /// <summary>What the frame is to be cut into; <see cref="FrameSegmentation.None"/> where it is one already.</summary>
    public FrameSegmentation Segmentation { get; init; }

    /// <summary>The sender uses explicit congestion notification: the CWR flag belongs to the first segment alone.</summary>
    public bool HasCongestionNotification { get; init; }

    /// <summary>Bytes of payload in each segment but the last one.</summary>
    public ushort SegmentSize { get; init; }

    /// <summary>Bytes of all headers, from the frame's start to the TCP payload; 0 where <see cref="Segmentation"/> is none.</summary>
    public ushort HeaderLength { get; init; }

    /// <summary>What must be known to handle the frame as it is.</summary>
    internal NetworkOffloads Required => Segmentation switch
    {
        FrameSegmentation.TcpIPv4 => NetworkOffloads.Checksum | NetworkOffloads.TcpIPv4,
        FrameSegmentation.TcpIPv6 => NetworkOffloads.Checksum | NetworkOffloads.TcpIPv6,
        _ => NeedsChecksum ? NetworkOffloads.Checksum : NetworkOffloads.None,
    };
}

/// <summary>How a frame is to be cut.</summary>
public enum FrameSegmentation
{
    /// <summary>It is not.</summary>
    None,

    /// <summary>Into segments of TCP over IPv4.</summary>
    TcpIPv4,

    /// <summary>Into segments of TCP over IPv6.</summary>
    TcpIPv6,
}
