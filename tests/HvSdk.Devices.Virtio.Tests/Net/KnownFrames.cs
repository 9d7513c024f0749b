namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>Frames worked out by another program than the one that is tested.</summary>
internal static class KnownFrames
{
    /// <summary>TCP over IPv4, 25 bytes of payload, flags CWR, ACK, PSH and FIN, with the pseudo header's sum in place of the checksum; the sequence number wraps within it.</summary>
    public static readonly byte[] Tcp4 = Convert.FromHexString(
        "52540000000252540000000108004500004d10004000400616a90a0000010a00000204d20050fffffff00000004d809903e8144200000101080a00000001000000020102030405060708090a0b0c0d0e0f10111213141516171819");

    /// <summary>The same in segments of 10 bytes.</summary>
    public static readonly byte[][] Tcp4Segments =
    [
        Convert.FromHexString("52540000000252540000000108004500003e10004000400616b80a0000010a00000204d20050fffffff00000004d809003e83fc800000101080a00000001000000020102030405060708090a"),
        Convert.FromHexString("52540000000252540000000108004500003e10014000400616b70a0000010a00000204d20050fffffffa0000004d801003e80e0c00000101080a00000001000000020b0c0d0e0f1011121314"),
        Convert.FromHexString("52540000000252540000000108004500003910024000400616bb0a0000010a00000204d20050000000040000004d801903e8142100000101080a00000001000000021516171819"),
    ];

    /// <summary>TCP over IPv6 behind a VLAN tag, 25 bytes of payload, with the pseudo header's sum in place of the checksum.</summary>
    public static readonly byte[] Tcp6 = Convert.FromHexString(
        "5254000000025254000000018100000586dd6000000000390640fd000000000000000000000000000001fd00000000000000000000000000000204d20050000000050000004d801803e8fa4300000101080a00000001000000020102030405060708090a0b0c0d0e0f10111213141516171819");

    /// <summary>The same in segments of 16 bytes.</summary>
    public static readonly byte[][] Tcp6Segments =
    [
        Convert.FromHexString("5254000000025254000000018100000586dd6000000000300640fd000000000000000000000000000001fd00000000000000000000000000000204d20050000000050000004d801003e8330200000101080a00000001000000020102030405060708090a0b0c0d0e0f10"),
        Convert.FromHexString("5254000000025254000000018100000586dd6000000000290640fd000000000000000000000000000001fd00000000000000000000000000000204d20050000000150000004d801803e809e500000101080a0000000100000002111213141516171819"),
    ];

    /// <summary>UDP over IPv4 of an odd length, with the pseudo header's sum in place of the checksum.</summary>
    public static readonly byte[] Udp4 = Convert.FromHexString("52540000000252540000000108004500001f00014000401126cb0a0000010a00000200050006000b141f616263");

    /// <summary>The same with its checksum.</summary>
    public static readonly byte[] Udp4Whole = Convert.FromHexString("52540000000252540000000108004500001f00014000401126cb0a0000010a00000200050006000b2768616263");

    public const ushort Tcp4Start = 34;
    public const ushort Tcp6Start = 58;
    public const ushort TcpOffset = 16;
    public const ushort UdpOffset = 6;

    public static FrameOffload Tcp4Offload(ushort segmentSize = 10) => new()
    {
        NeedsChecksum = true,
        ChecksumStart = Tcp4Start,
        ChecksumOffset = TcpOffset,
        Segmentation = FrameSegmentation.TcpIPv4,
        SegmentSize = segmentSize,
        HasCongestionNotification = true,
    };

    public static FrameOffload Tcp6Offload(ushort segmentSize = 16) => new()
    {
        NeedsChecksum = true,
        ChecksumStart = Tcp6Start,
        ChecksumOffset = TcpOffset,
        Segmentation = FrameSegmentation.TcpIPv6,
        SegmentSize = segmentSize,
    };

    public static FrameOffload Udp4Offload { get; } = new() { NeedsChecksum = true, ChecksumStart = Tcp4Start, ChecksumOffset = UdpOffset };
}
