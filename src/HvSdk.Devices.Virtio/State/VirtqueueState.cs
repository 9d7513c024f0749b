namespace HvSdk.Devices.Virtio;

/// <summary>A queue, as plain data: where the driver has put it, how far the device has come, and what it has taken and not given back.</summary>
public sealed record VirtqueueState
{
    /// <summary>Entries, as the driver has written.</summary>
    public int Size { get; init; }

    /// <summary>GPA of the descriptor table, or of a packed queue's ring.</summary>
    public ulong Descriptors { get; init; }

    /// <summary>GPA of the available ring, or of a packed queue's driver event suppression.</summary>
    public ulong DriverArea { get; init; }

    /// <summary>GPA of the used ring, or of a packed queue's device event suppression.</summary>
    public ulong DeviceArea { get; init; }

    /// <summary>The driver has taken it into use.</summary>
    public bool IsReady { get; init; }

    /// <summary>The next entry that the device takes: a split queue's index of the available ring; a packed queue's offset, its wrap counter in bit 15 (virtio 1.2, 2.7 and 2.8).</summary>
    public ushort NextAvailable { get; init; }

    /// <summary>The next entry that the device gives back: a split queue's index of the used ring; a packed queue's offset, its wrap counter in bit 15.</summary>
    public ushort NextUsed { get; init; }

    /// <summary>Chains that were taken and not given back, in the order of taking. The device gets them once more after the state is loaded.</summary>
    public IReadOnlyList<DescriptorChainState> InFlight { get; init; } = [];
}

/// <summary>A chain that a device has taken, as plain data. Its descriptors are kept and not read again: those of a packed queue may have been overwritten.</summary>
public sealed record DescriptorChainState
{
    /// <summary>What names it towards the driver.</summary>
    public ushort Id { get; init; }

    /// <summary>Descriptors of the ring that it takes up; 1 in a split queue.</summary>
    public int RingEntries { get; init; }

    /// <summary>Its buffers: first those that the device reads.</summary>
    public required IReadOnlyList<ChainBuffer> Buffers { get; init; }

    /// <summary>Bytes written, where the device is done with it and it waits for those before it (VIRTIO_F_IN_ORDER); else null.</summary>
    public long? Written { get; init; }
}

/// <summary>A buffer of a chain.</summary>
/// <param name="Address">GPA.</param>
/// <param name="Length">Bytes.</param>
/// <param name="IsWritable">The device writes; else it reads.</param>
public readonly record struct ChainBuffer(ulong Address, uint Length, bool IsWritable);
