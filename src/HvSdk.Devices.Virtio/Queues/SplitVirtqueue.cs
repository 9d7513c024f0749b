namespace HvSdk.Devices.Virtio;

/// <summary>A split queue: descriptor table, available ring, used ring (virtio 1.2, 2.7).</summary>
internal sealed class SplitVirtqueue : Virtqueue
{
    // Both rings: flags, index, entries, and behind them the event index (virtio 1.2, 2.7.6 and 2.7.8).
    private const uint IndexOffset = 2;
    private const uint RingOffset = 4;
    private const uint AvailableEntrySize = 2;
    private const uint UsedEntrySize = 8;

    private const ushort NoInterrupt = 1; // VIRTQ_AVAIL_F_NO_INTERRUPT
    private const ushort NoNotify = 1; // VIRTQ_USED_F_NO_NOTIFY

    private readonly ushort _mask;
    private ushort _nextAvailable;
    private ushort _seenAvailable;
    private ushort _nextUsed;
    private ushort _signaledUsed;

    internal SplitVirtqueue(int index, QueueLayout layout, GuestMemoryView view, VirtioFeatures features)
        : base(index, layout, view, features)
    {
        _mask = (ushort)(layout.Size - 1);
    }

    private ulong UsedEvent => Layout.DriverArea + RingOffset + ((ulong)Size * AvailableEntrySize);

    private ulong AvailableEvent => Layout.DeviceArea + RingOffset + ((ulong)Size * UsedEntrySize);

    internal override (ushort Available, ushort Used) Position
    {
        get => (_nextAvailable, _nextUsed);
        set
        {
            (_nextAvailable, _nextUsed) = value;
            _seenAvailable = _nextAvailable;
            _signaledUsed = _nextUsed;
        }
    }

    internal override bool HasNext()
    {
        if (_nextAvailable != _seenAvailable)
        {
            return true;
        }

        if (!View.TryRead(Layout.DriverArea + IndexOffset, out ushort index))
        {
            return Broken("The available ring is not in memory.");
        }

        if ((ushort)(index - _nextAvailable) > Size)
        {
            return Broken($"The index of the available ring jumped from {_nextAvailable} to {index}.");
        }

        _seenAvailable = index;
        Volatile.ReadBarrier(); // entries and descriptors are read after the index that shows them (virtio 1.2, 2.7.13)
        return _nextAvailable != index;
    }

    internal override void DisableNotifications()
    {
        // With event indexes a driver stays silent until it passes the one that it was told last.
        if (!HasEventIndex)
        {
            WriteOrBreak(Layout.DeviceArea, NoNotify);
        }
    }

    internal override bool EnableNotifications()
    {
        if (!SawEnd || Fault is not null)
        {
            return false;
        }

        if (HasEventIndex)
        {
            WriteOrBreak(AvailableEvent, _nextAvailable);
        }
        else
        {
            WriteOrBreak(Layout.DeviceArea, (ushort)0);
        }

        Interlocked.MemoryBarrier(); // the driver sees the wish, or its index is seen here (virtio 1.2, 2.7.7)
        return HasNext();
    }

    internal override bool TakeSignal()
    {
        if (_nextUsed == _signaledUsed)
        {
            return false;
        }

        ushort before = _signaledUsed;
        _signaledUsed = _nextUsed;
        Interlocked.MemoryBarrier(); // what was given back is visible before the driver's wish is read (virtio 1.2, 2.7.7)
        if (HasEventIndex)
        {
            return View.TryRead(UsedEvent, out ushort @event) ? HasPassed(@event, _nextUsed, before) : Broken("The available ring is not in memory.");
        }

        return View.TryRead(Layout.DriverArea, out ushort flags) ? (flags & NoInterrupt) == 0 : Broken("The available ring is not in memory.");
    }

    private protected override string? FindProblem(VirtqueueState state)
    {
        if ((ushort)(state.NextAvailable - state.NextUsed) != state.InFlight.Count)
        {
            return $"{nameof(state.NextAvailable)} is {state.NextAvailable} and {nameof(state.NextUsed)} {state.NextUsed}, while {state.InFlight.Count} chains are in flight; these are what lies between.";
        }

        foreach (DescriptorChainState chain in state.InFlight)
        {
            if (chain.Id >= Size || chain.RingEntries != 1)
            {
                return $"a chain in flight has the ID {chain.Id} and {chain.RingEntries} entries; a queue of {Size} has IDs below that, and one entry for a chain.";
            }
        }

        return null;
    }

    private protected override bool TryTakeCore(DescriptorChain chain)
    {
        if (!HasNext())
        {
            SawEnd = true;
            return false;
        }

        if (!View.TryRead(Layout.DriverArea + RingOffset + ((ulong)(_nextAvailable & _mask) * AvailableEntrySize), out ushort head))
        {
            return Broken("The available ring is not in memory.");
        }

        ushort next = head;
        for (int steps = 0; steps < Size; steps++)
        {
            if (next >= Size)
            {
                return Broken($"A queue of {Size} descriptors has none with number {next}.");
            }

            if (!View.TryRead(Layout.Descriptors + ((ulong)next * Descriptor.Size), out Descriptor descriptor))
            {
                return Broken("The descriptor table is not in memory.");
            }

            if (!TryAdd(chain, descriptor, isPacked: false))
            {
                return false;
            }

            if ((descriptor.Flags & Descriptor.Next) == 0)
            {
                chain.Id = head;
                chain.RingEntries = 1;
                _nextAvailable++;
                return true;
            }

            next = descriptor.NextOrId;
        }

        return Broken($"The chain at descriptor {head} is a loop.");
    }

    private protected override void ReturnCore(ushort id, int ringEntries, uint written, bool hasWritable)
    {
        ulong entry = Layout.DeviceArea + RingOffset + ((ulong)(_nextUsed & _mask) * UsedEntrySize);
        WriteOrBreak(entry, id | ((ulong)written << 32));
        _nextUsed++;
        if (!IsBatch)
        {
            Publish();
        }
    }

    private protected override void Publish()
    {
        Volatile.WriteBarrier(); // the entries are visible before the index that shows them (virtio 1.2, 2.7.8.2)
        WriteOrBreak(Layout.DeviceArea + IndexOffset, _nextUsed);
    }

    private void WriteOrBreak<T>(ulong address, in T value)
        where T : unmanaged
    {
        if (!View.TryWrite(address, value))
        {
            Break("The used ring is not in memory.");
        }
    }
}
