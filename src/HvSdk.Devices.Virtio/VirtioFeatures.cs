namespace HvSdk.Devices.Virtio;

/// <summary>Feature bits that belong to no device but to queues and transports (virtio 1.2, 6).</summary>
[Flags]
public enum VirtioFeatures : ulong
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>VIRTIO_F_INDIRECT_DESC: a descriptor may point at a table of further ones.</summary>
    IndirectDescriptors = 1UL << 28,

    /// <summary>VIRTIO_F_EVENT_IDX: each side says at which entry it wants to be told.</summary>
    EventIndex = 1UL << 29,

    /// <summary>VIRTIO_F_VERSION_1: the driver follows virtio 1.0 or later. Always required.</summary>
    Version1 = 1UL << 32,

    /// <summary>VIRTIO_F_RING_PACKED: queues are packed instead of split.</summary>
    PackedRing = 1UL << 34,

    /// <summary>VIRTIO_F_IN_ORDER: buffers come back in the order in which they were given.</summary>
    InOrder = 1UL << 35,

    /// <summary>VIRTIO_F_NOTIFICATION_DATA: a notification carries how far the driver has come.</summary>
    NotificationData = 1UL << 38,

    /// <summary>VIRTIO_F_RING_RESET: a queue can be reset alone.</summary>
    RingReset = 1UL << 40,

    /// <summary>All of them.</summary>
    All = IndirectDescriptors | EventIndex | Version1 | PackedRing | InOrder | NotificationData | RingReset,
}
