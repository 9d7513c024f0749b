namespace HvSdk.Devices.Virtio;

/// <summary>Where a queue lies in guest memory, as the driver has set it up.</summary>
/// <param name="Size">Entries.</param>
/// <param name="Descriptors">GPA of the descriptor table, or of a packed queue's descriptor ring.</param>
/// <param name="DriverArea">GPA of the available ring, or of a packed queue's driver event suppression.</param>
/// <param name="DeviceArea">GPA of the used ring, or of a packed queue's device event suppression.</param>
internal readonly record struct QueueLayout(int Size, ulong Descriptors, ulong DriverArea, ulong DeviceArea);
