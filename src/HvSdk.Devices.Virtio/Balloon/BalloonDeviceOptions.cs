namespace HvSdk.Devices.Virtio;

/// <summary>How a <see cref="BalloonDevice"/> is made.</summary>
public sealed record BalloonDeviceOptions
{
    /// <summary>The size of the balloon that the guest's driver finds when it comes: bytes, a multiple of 4096, from 0, the default, to just below 16 TiB. <see cref="BalloonDevice.TargetSize"/> changes it.</summary>
    public long TargetSize { get; init; }

    /// <summary>
    /// True, the default: a guest that runs out of memory may take pages out of the balloon, whatever its target (VIRTIO_BALLOON_F_DEFLATE_ON_OOM). False: it has to
    /// end programs instead.
    /// </summary>
    public bool DeflatesOnOutOfMemory { get; init; } = true;

    /// <summary>True, the default: the guest is asked to tell how much memory it uses, for <see cref="BalloonDevice.RefreshStatisticsAsync"/>.</summary>
    public bool HasStatistics { get; init; } = true;

    /// <summary>
    /// True, the default: the guest gives back memory that has become free, without being asked (VIRTIO_BALLOON_F_PAGE_REPORTING). Linux does so since 5.7, in pieces of 2 MiB or
    /// more, about two seconds after they became free. A guest that needs it again pays for a page as for a new one.
    /// </summary>
    public bool ReportsFreePages { get; init; } = true;
}
