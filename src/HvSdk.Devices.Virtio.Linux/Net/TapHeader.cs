using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>What lies before each frame on a tap with IFF_VNET_HDR: struct virtio_net_hdr_mrg_rxbuf of linux/virtio_net.h, in the host's byte order.</summary>
internal static class TapHeader
{
    public const int Length = 12;

    private const int Flags = 0;
    private const int SegmentationType = 1;
    private const int HeaderLength = 2;
    private const int SegmentSize = 4;
    private const int ChecksumStart = 6;
    private const int ChecksumOffset = 8;

    private const byte NeedsChecksum = 1; // VIRTIO_NET_HDR_F_NEEDS_CSUM
    private const byte DataValid = 2; // VIRTIO_NET_HDR_F_DATA_VALID
    private const byte TypeTcpIPv4 = 1; // VIRTIO_NET_HDR_GSO_TCPV4
    private const byte TypeTcpIPv6 = 4; // VIRTIO_NET_HDR_GSO_TCPV6
    private const byte TypeCongestionNotification = 0x80; // VIRTIO_NET_HDR_GSO_ECN

    public static void Write(Span<byte> header, in FrameOffload offload)
    {
        header[..Length].Clear();
        header[Flags] = offload.NeedsChecksum ? NeedsChecksum : offload.IsChecksumValid ? DataValid : (byte)0;
        if (offload.NeedsChecksum)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(header[ChecksumStart..], offload.ChecksumStart);
            BinaryPrimitives.WriteUInt16LittleEndian(header[ChecksumOffset..], offload.ChecksumOffset);
        }

        if (offload.Segmentation != FrameSegmentation.None)
        {
            byte type = offload.Segmentation == FrameSegmentation.TcpIPv4 ? TypeTcpIPv4 : TypeTcpIPv6;
            header[SegmentationType] = (byte)(type | (offload.HasCongestionNotification ? TypeCongestionNotification : 0));
            BinaryPrimitives.WriteUInt16LittleEndian(header[SegmentSize..], offload.SegmentSize);
            BinaryPrimitives.WriteUInt16LittleEndian(header[HeaderLength..], offload.HeaderLength);
        }
    }

    /// <summary>Reads the kernel's header.</summary>
    /// <returns>False: a way of cutting that was not asked for.</returns>
    public static bool TryRead(ReadOnlySpan<byte> header, out FrameOffload offload)
    {
        byte type = header[SegmentationType];
        FrameSegmentation? segmentation = (byte)(type & ~TypeCongestionNotification) switch
        {
            0 => FrameSegmentation.None,
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
}
