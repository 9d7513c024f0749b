namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="BalloonDevice"/> keeps, as plain data. What the guest told of its memory is in a buffer of its own, and is read from there again.</summary>
public sealed record BalloonDeviceState : VirtioDeviceState
{
    /// <summary>How much memory the guest was asked to give up: bytes, a multiple of 4096.</summary>
    public long TargetSize { get; init; }

    /// <summary>How much memory was in the balloon, as the guest said: bytes, a multiple of 4096.</summary>
    public long ActualSize { get; init; }

    /// <summary>What the guest fills free pages with (VIRTIO_BALLOON_F_PAGE_POISON; virtio 1.2, 5.5.6.6).</summary>
    public uint Poison { get; init; }
}
