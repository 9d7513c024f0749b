namespace HvSdk.Devices.Virtio;

/// <summary>What a driver has set up of a queue, through its transport's registers.</summary>
internal sealed class QueueSetup(int maxSize)
{
    public int MaxSize { get; } = maxSize;

    public int Size { get; set; } = maxSize;

    public ulong Descriptors { get; set; }

    public ulong DriverArea { get; set; }

    public ulong DeviceArea { get; set; }

    public bool IsReady { get; set; }

    public Virtqueue? Queue { get; set; }

    public QueueLayout Layout => new(Size, Descriptors, DriverArea, DeviceArea);

    public void Reset()
    {
        Size = MaxSize;
        Descriptors = DriverArea = DeviceArea = 0;
        IsReady = false;
        Queue = null;
    }
}
