namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="BlockDevice"/> keeps, as plain data. The bytes of the disk are its storage's, and requests that were under way are done again.</summary>
public sealed record BlockDeviceState : VirtioDeviceState
{
    /// <summary>Bytes that the guest saw.</summary>
    public long Capacity { get; init; }

    /// <summary>The guest could not write.</summary>
    public bool IsReadOnly { get; init; }
}
