using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>Does to a frame what was left to do: completes checksums, cuts TCP into segments. The frame is the caller's copy, which no guest can change.</summary>
internal static class FrameFinisher
{
    public const int EthernetLength = 14;
    public const int MinFrameLength = EthernetLength;

    private const int VlanTagLength = 4;
    private const ushort TypeVlan = 0x8100; // IEEE 802.1Q
    private const ushort TypeServiceVlan = 0x88A8; // IEEE 802.1ad
    private const ushort TypeIPv4 = 0x0800;
    private const ushort TypeIPv6 = 0x86DD;
    private const byte ProtocolTcp = 6;
    private const int IPv4Length = 20;
    private const int IPv4TotalLength = 2;
    private const int IPv4Id = 4;
    private const int IPv4Protocol = 9;
    private const int IPv4Checksum = 10;
    private const int IPv4Addresses = 12;
    private const int IPv6Length = 40;
    private const int IPv6PayloadLength = 4;
    private const int IPv6Addresses = 8;
    private const int TcpLength = 20;
    private const int TcpSequence = 4;
    private const int TcpDataOffset = 12;
    private const int TcpFlags = 13;
    private const int TcpChecksum = 16;
    private const byte TcpFin = 0x01;
    private const byte TcpPush = 0x08;
    private const byte TcpCongestionWindowReduced = 0x80;

    /// <summary>Checks what is said of a frame against its bytes, and finds out how long its headers are.</summary>
    /// <returns>False: it does not fit; nobody could handle the frame.</returns>
    public static bool TryCheck(ReadOnlySpan<byte> frame, ref FrameOffload offload)
    {
        if (offload.NeedsChecksum && (offload.ChecksumStart < EthernetLength || offload.ChecksumStart + offload.ChecksumOffset + sizeof(ushort) > frame.Length))
        {
            return false;
        }

        if (offload.Segmentation == FrameSegmentation.None)
        {
            return true;
        }

        int network = FindNetworkHeader(frame, out ushort type);
        int transport = offload.ChecksumStart;
        if (!offload.NeedsChecksum || offload.ChecksumOffset != TcpChecksum || offload.SegmentSize == 0 || transport + TcpLength > frame.Length)
        {
            return false;
        }

        int headers = transport + ((frame[transport + TcpDataOffset] >> 4) * 4);
        bool isRight = offload.Segmentation == FrameSegmentation.TcpIPv4 ? IsTcpIPv4(frame, network, type, transport) : IsTcpIPv6(frame, network, type, transport);
        if (!isRight || headers < transport + TcpLength || headers > frame.Length)
        {
            return false;
        }

        offload = offload with { HeaderLength = (ushort)headers };
        return true;
    }

    /// <summary>Completes the checksum of a frame that needs one, in place.</summary>
    public static void CompleteChecksum(Span<byte> frame, in FrameOffload offload)
    {
        if (offload.NeedsChecksum)
        {
            // The field holds the pseudo header's sum, and takes part. A checksum of 0 means none in UDP; all ones are the same number.
            ushort sum = InternetChecksum.Fold(InternetChecksum.Add(0, frame[offload.ChecksumStart..]));
            BinaryPrimitives.WriteUInt16BigEndian(frame[(offload.ChecksumStart + offload.ChecksumOffset)..], sum == ushort.MaxValue ? sum : (ushort)~sum);
        }
    }

    /// <summary>How many segments a frame is to be cut into; 1 where it is not to be cut.</summary>
    public static int CountSegments(int length, in FrameOffload offload) =>
        offload.Segmentation == FrameSegmentation.None ? 1 : int.Max(1, (length - offload.HeaderLength + offload.SegmentSize - 1) / offload.SegmentSize);

    /// <summary>Bytes of the longest segment.</summary>
    public static int GetSegmentLength(int length, in FrameOffload offload) => int.Min(length, offload.HeaderLength + offload.SegmentSize);

    /// <summary>Makes one of the segments of a frame, whole with its checksums.</summary>
    /// <param name="frame">The frame, as <see cref="TryCheck"/> has seen it.</param>
    /// <param name="offload">What is to do.</param>
    /// <param name="index">Which one.</param>
    /// <param name="destination">Gets it.</param>
    /// <returns>Its length.</returns>
    public static int WriteSegment(ReadOnlySpan<byte> frame, in FrameOffload offload, int index, Span<byte> destination)
    {
        int headers = offload.HeaderLength;
        int offset = index * offload.SegmentSize;
        int payload = int.Min(offload.SegmentSize, frame.Length - headers - offset);
        bool isLast = headers + offset + payload == frame.Length;
        Span<byte> segment = destination[..(headers + payload)];
        frame[..headers].CopyTo(segment);
        frame.Slice(headers + offset, payload).CopyTo(segment[headers..]);

        int network = FindNetworkHeader(frame, out _);
        int transport = offload.ChecksumStart;
        Span<byte> tcp = segment[transport..];
        BinaryPrimitives.WriteUInt32BigEndian(tcp[TcpSequence..], BinaryPrimitives.ReadUInt32BigEndian(tcp[TcpSequence..]) + (uint)offset);
        byte dropped = (byte)((isLast ? 0 : TcpFin | TcpPush) | (index == 0 ? 0 : TcpCongestionWindowReduced));
        tcp[TcpFlags] &= (byte)~dropped;

        Span<byte> ip = segment[network..];
        ulong sum = offload.Segmentation == FrameSegmentation.TcpIPv4 ? FinishIPv4(ip, transport - network, index) : FinishIPv6(ip);
        tcp[TcpChecksum..(TcpChecksum + sizeof(ushort))].Clear();
        sum += (ulong)tcp.Length + ProtocolTcp;
        BinaryPrimitives.WriteUInt16BigEndian(tcp[TcpChecksum..], (ushort)~InternetChecksum.Fold(InternetChecksum.Add(sum, tcp)));
        return segment.Length;
    }

    /// <summary>Where the network header starts, behind VLAN tags, and of what type it is.</summary>
    public static int FindNetworkHeader(ReadOnlySpan<byte> frame, out ushort type)
    {
        int at = EthernetLength;
        type = frame.Length >= at ? BinaryPrimitives.ReadUInt16BigEndian(frame[(at - 2)..]) : (ushort)0;
        for (int tags = 0; tags < 2 && type is TypeVlan or TypeServiceVlan && frame.Length >= at + VlanTagLength; tags++)
        {
            at += VlanTagLength;
            type = BinaryPrimitives.ReadUInt16BigEndian(frame[(at - 2)..]);
        }

        return at;
    }

    /// <summary>A number that all frames of a TCP or UDP connection have in common, whichever way they go.</summary>
    public static uint HashFlow(ReadOnlySpan<byte> frame)
    {
        int network = FindNetworkHeader(frame, out ushort type);
        ReadOnlySpan<byte> ip = frame[int.Min(network, frame.Length)..];
        uint hash = 0;
        int transport = 0;
        if (type == TypeIPv4 && ip.Length >= IPv4Length)
        {
            hash = Word(ip, IPv4Addresses) ^ Word(ip, IPv4Addresses + 4);
            transport = (ip[0] & 0xF) * 4;
        }
        else if (type == TypeIPv6 && ip.Length >= IPv6Length)
        {
            for (int i = 0; i < 8; i++)
            {
                hash ^= Word(ip, IPv6Addresses + (4 * i));
            }

            transport = IPv6Length;
        }

        if (transport >= IPv4Length && ip.Length >= transport + 4)
        {
            hash ^= Half(ip, transport) ^ (uint)Half(ip, transport + 2);
        }

        return hash * 0x9E37_79B1; // spreads the low bits over all (the golden ratio's fraction)
    }

    private static uint Word(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]);

    private static ushort Half(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16BigEndian(bytes[offset..]);

    private static bool IsTcpIPv4(ReadOnlySpan<byte> frame, int network, ushort type, int transport) =>
        type == TypeIPv4 && network + IPv4Length <= transport && frame[network] >> 4 == 4 && network + ((frame[network] & 0xF) * 4) == transport && frame[network + IPv4Protocol] == ProtocolTcp;

    /// <summary>Extension headers may lie in between; the driver says where TCP starts.</summary>
    private static bool IsTcpIPv6(ReadOnlySpan<byte> frame, int network, ushort type, int transport) =>
        type == TypeIPv6 && network + IPv6Length <= transport && frame[network] >> 4 == 6;

    /// <summary>Sets length, identification and checksum; returns the addresses' part of the pseudo header's sum.</summary>
    private static ulong FinishIPv4(Span<byte> ip, int headerLength, int index)
    {
        BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4TotalLength..], (ushort)ip.Length);
        BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4Id..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(ip[IPv4Id..]) + index));
        BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4Checksum..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4Checksum..], (ushort)~InternetChecksum.Fold(InternetChecksum.Add(0, ip[..headerLength])));
        return InternetChecksum.Add(0, ip.Slice(IPv4Addresses, 8));
    }

    private static ulong FinishIPv6(Span<byte> ip)
    {
        BinaryPrimitives.WriteUInt16BigEndian(ip[IPv6PayloadLength..], (ushort)(ip.Length - IPv6Length));
        return InternetChecksum.Add(0, ip.Slice(IPv6Addresses, 32));
    }
}
