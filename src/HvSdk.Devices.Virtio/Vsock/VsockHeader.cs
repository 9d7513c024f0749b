using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio;

/// <summary>The head of each packet, struct virtio_vsock_hdr, little-endian (virtio 1.2, 5.10.6).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct VsockHeader
{
    public const int Size = 44;

    /// <summary>VIRTIO_VSOCK_TYPE_STREAM (virtio 1.2, 5.10.6.4).</summary>
    public const ushort StreamType = 1;

    /// <summary>The host's CID (virtio 1.2, 5.10.4).</summary>
    public const ulong HostCid = 2;

    public ulong SourceCid;
    public ulong DestinationCid;
    public uint SourcePort;
    public uint DestinationPort;
    public uint Length;
    public ushort Type;
    public VsockOperation Operation;
    public uint Flags;
    public uint BufferAllocation;
    public uint ForwardCount;
}

/// <summary>What a packet does: VIRTIO_VSOCK_OP_* (virtio 1.2, 5.10.6).</summary>
internal enum VsockOperation : ushort
{
    Invalid = 0,
    Request = 1,
    Response = 2,
    Reset = 3,
    Shutdown = 4,
    ReadWrite = 5,
    CreditUpdate = 6,
    CreditRequest = 7,
}

/// <summary>Flags of <see cref="VsockOperation.Shutdown"/>: what its sender does no more. Once said, it stays (virtio 1.2, 5.10.6.6).</summary>
[Flags]
internal enum VsockShutdown : uint
{
    None = 0,
    Receive = 1,
    Send = 2,
    Both = Receive | Send,
}
