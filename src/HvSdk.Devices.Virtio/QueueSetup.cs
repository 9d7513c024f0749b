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

    /// <summary>What came back on it, over resets.</summary>
    public QueueCounters Counters { get; } = new();

    public QueueLayout Layout => new(Size, Descriptors, DriverArea, DeviceArea);

    public void Reset()
    {
        Size = MaxSize;
        Descriptors = DriverArea = DeviceArea = 0;
        IsReady = false;
        Queue = null;
    }

    /// <param name="carriesQueue">False: what is in use is not taken out.</param>
    public VirtqueueState SaveState(bool carriesQueue)
    {
        Virtqueue? queue = carriesQueue ? Queue : null;
        (ushort available, ushort used) = queue?.Position ?? default;
        return new VirtqueueState
        {
            Size = Size,
            Descriptors = Descriptors,
            DriverArea = DriverArea,
            DeviceArea = DeviceArea,
            IsReady = IsReady,
            NextAvailable = available,
            NextUsed = used,
            InFlight = queue?.SaveInFlight() ?? [],
        };
    }

    public void LoadState(VirtqueueState state, Virtqueue? queue)
    {
        Size = state.Size;
        Descriptors = state.Descriptors;
        DriverArea = state.DriverArea;
        DeviceArea = state.DeviceArea;
        IsReady = state.IsReady;
        Queue = queue;
    }
}
