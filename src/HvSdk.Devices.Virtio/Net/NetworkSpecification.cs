namespace HvSdk.Devices.Virtio;

/// <summary>Feature bits (virtio 1.2, 5.1.3).</summary>
internal static class NetworkFeature
{
    public const ulong Checksum = 1UL << 0; // VIRTIO_NET_F_CSUM
    public const ulong GuestChecksum = 1UL << 1; // VIRTIO_NET_F_GUEST_CSUM
    public const ulong ControlGuestOffloads = 1UL << 2; // VIRTIO_NET_F_CTRL_GUEST_OFFLOADS
    public const ulong Mtu = 1UL << 3; // VIRTIO_NET_F_MTU
    public const ulong Mac = 1UL << 5; // VIRTIO_NET_F_MAC
    public const ulong GuestTso4 = 1UL << 7; // VIRTIO_NET_F_GUEST_TSO4
    public const ulong GuestTso6 = 1UL << 8; // VIRTIO_NET_F_GUEST_TSO6
    public const ulong GuestEcn = 1UL << 9; // VIRTIO_NET_F_GUEST_ECN
    public const ulong HostTso4 = 1UL << 11; // VIRTIO_NET_F_HOST_TSO4
    public const ulong HostTso6 = 1UL << 12; // VIRTIO_NET_F_HOST_TSO6
    public const ulong HostEcn = 1UL << 13; // VIRTIO_NET_F_HOST_ECN
    public const ulong MergeableBuffers = 1UL << 15; // VIRTIO_NET_F_MRG_RXBUF
    public const ulong Status = 1UL << 16; // VIRTIO_NET_F_STATUS
    public const ulong ControlQueue = 1UL << 17; // VIRTIO_NET_F_CTRL_VQ
    public const ulong ControlReceive = 1UL << 18; // VIRTIO_NET_F_CTRL_RX
    public const ulong ControlVlan = 1UL << 19; // VIRTIO_NET_F_CTRL_VLAN
    public const ulong ControlReceiveExtra = 1UL << 20; // VIRTIO_NET_F_CTRL_RX_EXTRA
    public const ulong GuestAnnounce = 1UL << 21; // VIRTIO_NET_F_GUEST_ANNOUNCE
    public const ulong MultiQueue = 1UL << 22; // VIRTIO_NET_F_MQ
    public const ulong ControlMac = 1UL << 23; // VIRTIO_NET_F_CTRL_MAC_ADDR
    public const ulong SpeedDuplex = 1UL << 63; // VIRTIO_NET_F_SPEED_DUPLEX

    /// <summary>What the driver takes on frames, as CTRL_GUEST_OFFLOADS names it (virtio 1.2, 5.1.6.5.6).</summary>
    public const ulong GuestOffloads = GuestChecksum | GuestTso4 | GuestTso6 | GuestEcn;
}

/// <summary>The configuration space (virtio 1.2, 5.1.4).</summary>
internal static class NetworkConfiguration
{
    public const int Mac = 0;
    public const int Status = 6;
    public const int MaxQueuePairs = 8;
    public const int Mtu = 10;
    public const int Speed = 12;
    public const int Duplex = 16;
    public const int Length = 17;

    public const ushort LinkUp = 1; // VIRTIO_NET_S_LINK_UP
    public const ushort Announce = 2; // VIRTIO_NET_S_ANNOUNCE
    public const uint SpeedUnknown = uint.MaxValue;
    public const byte DuplexFull = 1;
    public const byte DuplexUnknown = 0xFF;
}

/// <summary>Commands of the control queue (virtio 1.2, 5.1.6.5).</summary>
internal static class NetworkCommand
{
    public const byte Ok = 0; // VIRTIO_NET_OK
    public const byte Error = 1; // VIRTIO_NET_ERR

    public const byte Receive = 0; // VIRTIO_NET_CTRL_RX
    public const byte ReceivePromiscuous = 0;
    public const byte ReceiveAllMulticast = 1;
    public const byte ReceiveAllUnicast = 2;
    public const byte ReceiveNoMulticast = 3;
    public const byte ReceiveNoUnicast = 4;
    public const byte ReceiveNoBroadcast = 5;

    public const byte Mac = 1; // VIRTIO_NET_CTRL_MAC
    public const byte MacTableSet = 0;
    public const byte MacAddressSet = 1;

    public const byte Vlan = 2; // VIRTIO_NET_CTRL_VLAN
    public const byte VlanAdd = 0;
    public const byte VlanRemove = 1;

    public const byte Announce = 3; // VIRTIO_NET_CTRL_ANNOUNCE
    public const byte AnnounceAcknowledge = 0;

    public const byte MultiQueue = 4; // VIRTIO_NET_CTRL_MQ
    public const byte MultiQueuePairsSet = 0;

    public const byte GuestOffloads = 5; // VIRTIO_NET_CTRL_GUEST_OFFLOADS
    public const byte GuestOffloadsSet = 0;
}
