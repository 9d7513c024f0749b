using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>
/// The header in front of each frame in guest memory, struct virtio_net_hdr (virtio 1.2, 5.1.6). Linux' taps have it as well (IFF_VNET_HDR: struct virtio_net_hdr_mrg_rxbuf of linux/virtio_net.h), in
/// the host's byte order, which is this one on all hosts that there are.
/// </summary>
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
    public static bool TryReadDriver(ReadOnlySpan<byte> header, ulong features, out FrameOffload offload)
    {
        bool isKnown = TryRead(header, out offload);
        ulong required = offload.Segmentation switch
        {
            FrameSegmentation.TcpIPv4 => NetworkFeature.HostTso4,
            FrameSegmentation.TcpIPv6 => NetworkFeature.HostTso6,
            _ => 0,
        };
        required |= offload.NeedsChecksum ? NetworkFeature.Checksum : 0;
        required |= (header[SegmentationType] & TypeCongestionNotification) != 0 ? NetworkFeature.HostEcn : 0;
        offload = offload with { IsChecksumValid = false }; // a driver has no say in it (5.1.6.2)
        return isKnown && (required & ~features) == 0;
    }

    /// <summary>Reads a header, whoever wrote it.</summary>
    /// <returns>False: a way of cutting that there is not.</returns>
    public static bool TryRead(ReadOnlySpan<byte> header, out FrameOffload offload)
    {
        byte type = header[SegmentationType];
        FrameSegmentation? segmentation = (byte)(type & ~TypeCongestionNotification) switch
        {
            TypeNone => FrameSegmentation.None,
            TypeTcpIPv4 => FrameSegmentation.TcpIPv4,
            TypeTcpIPv6 => FrameSegmentation.TcpIPv6,
            _ => null,
        };
        bool needsChecksum = (header[Flags] & NeedsChecksum) != 0;
        bool isCut = segmentation is FrameSegmentation.TcpIPv4 or FrameSegmentation.TcpIPv6;
        offload = new FrameOffload
        {
            NeedsChecksum = needsChecksum,
            ChecksumStart = needsChecksum ? BinaryPrimitives.ReadUInt16LittleEndian(header[ChecksumStart..]) : (ushort)0,
            ChecksumOffset = needsChecksum ? BinaryPrimitives.ReadUInt16LittleEndian(header[ChecksumOffset..]) : (ushort)0,
            IsChecksumValid = (header[Flags] & DataValid) != 0,
            Segmentation = segmentation ?? FrameSegmentation.None,
            HasCongestionNotification = isCut && (type & TypeCongestionNotification) != 0,
            SegmentSize = isCut ? BinaryPrimitives.ReadUInt16LittleEndian(header[SegmentSize..]) : (ushort)0,
        };
        return segmentation is not null;
    }

    /// <summary>Writes a header.</summary>
    /// <param name="header">Where it goes.</param>
    /// <param name="offload">What is left to do.</param>
    /// <param name="buffers">How many buffers the frame fills (num_buffers); nothing to a tap.</param>
    /// <param name="takesValidity">The reader may be told that checksums were checked.</param>
    public static void Write(Span<byte> header, in FrameOffload offload, int buffers = 0, bool takesValidity = true)
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
