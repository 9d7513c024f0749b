using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>The header in front of each frame in guest memory, struct virtio_net_hdr (virtio 1.2, 5.1.6).</summary>
internal static class NetworkHeader
{
    public const int Length = 12; // with num_buffers, which virtio 1.x always has

    private const int Flags = 0;
    private const int SegmentationType = 1;
    private const int HeaderLength = 2;
    private const int SegmentSize = 4;
    private const int ChecksumStart = 6;
    private const int ChecksumOffset = 8;
    private const int BufferCount = 10;

    private const byte NeedsChecksum = 1; // VIRTIO_NET_HDR_F_NEEDS_CSUM
    private const byte DataValid = 2; // VIRTIO_NET_HDR_F_DATA_VALID
    private const byte TypeNone = 0; // VIRTIO_NET_HDR_GSO_NONE
    private const byte TypeTcpIPv4 = 1; // VIRTIO_NET_HDR_GSO_TCPV4
    private const byte TypeTcpIPv6 = 4; // VIRTIO_NET_HDR_GSO_TCPV6
    private const byte TypeCongestionNotification = 0x80; // VIRTIO_NET_HDR_GSO_ECN

    /// <summary>Reads a driver's header.</summary>
    /// <returns>False: it asks for what the driver has not agreed upon, or what there is not.</returns>
    public static bool TryRead(ReadOnlySpan<byte> header, ulong features, out FrameOffload offload)
    {
        offload = default;
        bool needsChecksum = (header[Flags] & NeedsChecksum) != 0;
        byte type = header[SegmentationType];
        bool hasNotification = (type & TypeCongestionNotification) != 0;
        (FrameSegmentation segmentation, ulong required) = (byte)(type & ~TypeCongestionNotification) switch
        {
            TypeNone => (FrameSegmentation.None, 0UL),
            TypeTcpIPv4 => (FrameSegmentation.TcpIPv4, NetworkFeature.HostTso4),
            TypeTcpIPv6 => (FrameSegmentation.TcpIPv6, NetworkFeature.HostTso6),
            _ => (FrameSegmentation.None, ulong.MaxValue),
        };
        required |= needsChecksum ? NetworkFeature.Checksum : 0;
        required |= hasNotification ? NetworkFeature.HostEcn : 0;
        if ((required & ~features) != 0)
        {
            return false;
        }

        offload = new FrameOffload
        {
            NeedsChecksum = needsChecksum,
            ChecksumStart = needsChecksum ? BinaryPrimitives.ReadUInt16LittleEndian(header[ChecksumStart..]) : (ushort)0,
            ChecksumOffset = needsChecksum ? BinaryPrimitives.ReadUInt16LittleEndian(header[ChecksumOffset..]) : (ushort)0,
            Segmentation = segmentation,
            HasCongestionNotification = hasNotification && segmentation != FrameSegmentation.None,
            SegmentSize = segmentation != FrameSegmentation.None ? BinaryPrimitives.ReadUInt16LittleEndian(header[SegmentSize..]) : (ushort)0,
        };
        return true;
    }

    /// <summary>Writes a header for the driver.</summary>
    public static void Write(Span<byte> header, in FrameOffload offload, int buffers, bool takesValidity)
    {
        header[..Length].Clear();
        header[Flags] = offload.NeedsChecksum ? NeedsChecksum : offload.IsChecksumValid && takesValidity ? DataValid : (byte)0;
        if (offload.NeedsChecksum)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(header[ChecksumStart..], offload.ChecksumStart);
            BinaryPrimitives.WriteUInt16LittleEndian(header[ChecksumOffset..], offload.ChecksumOffset);
        }

        if (offload.Segmentation != FrameSegmentation.None)
        {
            header[SegmentationType] = (byte)((offload.Segmentation == FrameSegmentation.TcpIPv4 ? TypeTcpIPv4 : TypeTcpIPv6) | (offload.HasCongestionNotification ? TypeCongestionNotification : 0));
            BinaryPrimitives.WriteUInt16LittleEndian(header[SegmentSize..], offload.SegmentSize);
            BinaryPrimitives.WriteUInt16LittleEndian(header[HeaderLength..], offload.HeaderLength);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(header[BufferCount..], (ushort)buffers);
    }
}
