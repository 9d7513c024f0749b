namespace HvSdk.Testing;

/// <summary>Feature bits of queues and transports as a driver sees them (virtio 1.2, 6).</summary>
public static class VirtioDriverFeatures
{
    /// <summary>VIRTIO_F_INDIRECT_DESC.</summary>
    public const ulong IndirectDescriptors = 1UL << 28;

    /// <summary>VIRTIO_F_EVENT_IDX.</summary>
    public const ulong EventIndex = 1UL << 29;

    /// <summary>VIRTIO_F_VERSION_1.</summary>
    public const ulong Version1 = 1UL << 32;

    /// <summary>VIRTIO_F_RING_PACKED.</summary>
    public const ulong PackedRing = 1UL << 34;

    /// <summary>VIRTIO_F_IN_ORDER.</summary>
    public const ulong InOrder = 1UL << 35;

    /// <summary>VIRTIO_F_NOTIFICATION_DATA.</summary>
    public const ulong NotificationData = 1UL << 38;

    /// <summary>VIRTIO_F_RING_RESET.</summary>
    public const ulong RingReset = 1UL << 40;
}
