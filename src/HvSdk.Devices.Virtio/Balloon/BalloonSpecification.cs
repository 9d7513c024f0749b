namespace HvSdk.Devices.Virtio;

/// <summary>Numbers of the traditional memory balloon (virtio 1.2, 5.5).</summary>
internal static class BalloonSpecification
{
    /// <summary>The device's number (5.5.1).</summary>
    public const uint DeviceId = 5;

    /// <summary>Bytes of a page of the balloon, whatever the guest's own pages are (5.5.6).</summary>
    public const int PageSize = 4096;

    // Feature bits (5.5.3). VIRTIO_BALLOON_F_MUST_TELL_HOST (0) is not offered, for a page comes back with its first touch, announced or not; nor is
    // VIRTIO_BALLOON_F_FREE_PAGE_HINT (3), whose pages would have to be kept.
    public const ulong StatisticsFeature = 1UL << 1; // VIRTIO_BALLOON_F_STATS_VQ
    public const ulong DeflateOnOutOfMemoryFeature = 1UL << 2; // VIRTIO_BALLOON_F_DEFLATE_ON_OOM
    public const ulong PagePoisonFeature = 1UL << 4; // VIRTIO_BALLOON_F_PAGE_POISON
    public const ulong PageReportingFeature = 1UL << 5; // VIRTIO_BALLOON_F_PAGE_REPORTING

    // Queues (5.5.2).
    public const int InflateQueue = 0;
    public const int DeflateQueue = 1;
    public const int StatisticsQueue = 2;
    public const int ReportingQueue = 4;
    public const int QueueCount = 5;

    // struct virtio_balloon_config (5.5.4): four numbers of 32 bits.
    public const int TargetOffset = 0; // num_pages
    public const int ActualOffset = 4; // actual
    public const int PoisonOffset = 12; // poison_val; free_page_hint_cmd_id lies before it
    public const int ConfigurationSize = 16;

    /// <summary>Bytes of a page's number in an array of them (5.5.6).</summary>
    public const int PageNumberSize = 4;

    /// <summary>Bytes of struct virtio_balloon_stat: a tag of 16 bits and a value of 64, packed (5.5.6.3).</summary>
    public const int StatisticSize = 10;
}

/// <summary>Tags of statistics (virtio 1.2, 5.5.6.4).</summary>
internal enum BalloonTag : ushort
{
    /// <summary>VIRTIO_BALLOON_S_SWAP_IN.</summary>
    SwapIn = 0,

    /// <summary>VIRTIO_BALLOON_S_SWAP_OUT.</summary>
    SwapOut = 1,

    /// <summary>VIRTIO_BALLOON_S_MAJFLT.</summary>
    MajorFaults = 2,

    /// <summary>VIRTIO_BALLOON_S_MINFLT.</summary>
    MinorFaults = 3,

    /// <summary>VIRTIO_BALLOON_S_MEMFREE.</summary>
    Free = 4,

    /// <summary>VIRTIO_BALLOON_S_MEMTOT.</summary>
    Total = 5,

    /// <summary>VIRTIO_BALLOON_S_AVAIL.</summary>
    Available = 6,

    /// <summary>VIRTIO_BALLOON_S_CACHES.</summary>
    Caches = 7,

    /// <summary>VIRTIO_BALLOON_S_HTLB_PGALLOC.</summary>
    HugePageAllocations = 8,

    /// <summary>VIRTIO_BALLOON_S_HTLB_PGFAIL.</summary>
    HugePageFailures = 9,
}
