namespace HvSdk.Devices.Virtio;

/// <summary>A packed queue: one ring of descriptors that both sides write (virtio 1.2, 2.8).</summary>
internal sealed class PackedVirtqueue : Virtqueue
{
    // struct pvirtq_event_suppress (virtio 1.2, 2.8.14): offset and wrap counter, flags.
    private const uint EventFlagsOffset = 2;
    private const ushort EventEnable = 0; // RING_EVENT_FLAGS_ENABLE
    private const ushort EventDisable = 1; // RING_EVENT_FLAGS_DISABLE
    private const ushort EventDescriptor = 2; // RING_EVENT_FLAGS_DESC
    private const int WrapBit = 15;
    private const ushort OffsetMask = (1 << WrapBit) - 1;

    private int _nextAvailable;
    private bool _availableWrap = true;
    private int _nextUsed;
    private bool _usedWrap = true;
    private int _returnedSinceSignal;
    private (ulong Address, ushort Flags)? _unseen; // of a batch's first descriptor, behind which the driver sees no other

    internal PackedVirtqueue(int index, QueueLayout layout, GuestMemoryView view, VirtioFeatures features)
        : base(index, layout, view, features)
    {
    }

    internal override (ushort Available, ushort Used) Position
    {
        get => (Pack(_nextAvailable, _availableWrap), Pack(_nextUsed, _usedWrap));
        set
        {
            (_nextAvailable, _availableWrap) = (value.Available & OffsetMask, value.Available >> WrapBit != 0);
            (_nextUsed, _usedWrap) = (value.Used & OffsetMask, value.Used >> WrapBit != 0);
            EntriesInUse = Distance(value.Available, value.Used);
        }
    }

    internal override bool HasNext()
    {
        if (!View.TryRead(AddressOf(_nextAvailable) + PackedDescriptor.FlagsOffset, out ushort flags))
        {
            return Broken("The descriptor ring is not in memory.");
        }

        Volatile.ReadBarrier(); // the rest of the descriptor is read after the flags that show it (virtio 1.2, 2.8.21)
        return IsAvailable(flags, _availableWrap);
    }

    internal override void DisableNotifications() => WriteEvent(0, EventDisable);

    internal override bool EnableNotifications()
    {
        if (!SawEnd || Fault is not null)
        {
            return false;
        }

        if (HasEventIndex)
        {
            WriteEvent(Pack(_nextAvailable, _availableWrap), EventDescriptor);
        }
        else
        {
            WriteEvent(0, EventEnable);
        }

        Interlocked.MemoryBarrier(); // the driver sees the wish, or its descriptor is seen here
        return HasNext();
    }

    internal override bool TakeSignal()
    {
        if (_returnedSinceSignal == 0)
        {
            return false;
        }

        ushort now = (ushort)_nextUsed;
        ushort before = (ushort)(_nextUsed - _returnedSinceSignal);
        bool isAll = _returnedSinceSignal >= Size;
        _returnedSinceSignal = 0;
        Interlocked.MemoryBarrier();
        if (!View.TryRead(Layout.DriverArea, out uint suppression))
        {
            return Broken("The driver's event suppression is not in memory.");
        }

        ushort offset = (ushort)(suppression & OffsetMask);
        bool wrap = (suppression >> WrapBit & 1) != 0;
        switch (suppression >> 16 & 3)
        {
            case EventDisable:
                return false;
            case EventDescriptor when HasEventIndex && !isAll:
                return HasPassed(wrap == _usedWrap ? offset : (ushort)(offset - Size), now, before);
            default:
                return true;
        }
    }

    private protected override string? FindProblem(VirtqueueState state)
    {
        if ((state.NextAvailable & OffsetMask) >= Size || (state.NextUsed & OffsetMask) >= Size)
        {
            return $"{nameof(state.NextAvailable)} is 0x{state.NextAvailable:X} and {nameof(state.NextUsed)} 0x{state.NextUsed:X}; offsets are below {Size}.";
        }

        int distance = Distance(state.NextAvailable, state.NextUsed);
        long entries = 0;
        foreach (DescriptorChainState chain in state.InFlight)
        {
            if (chain.RingEntries < 1 || chain.RingEntries > Size)
            {
                return $"a chain in flight has {chain.RingEntries} entries; it has 1 to {Size}.";
            }

            entries += chain.RingEntries;
        }

        return distance < 0 || distance > Size || entries != distance
            ? $"{nameof(state.NextAvailable)} is 0x{state.NextAvailable:X} and {nameof(state.NextUsed)} 0x{state.NextUsed:X}, {distance} entries apart, while chains of {entries} entries are in flight; these are what lies between."
            : null;
    }

    private protected override bool TryTakeCore(DescriptorChain chain)
    {
        if (!HasNext())
        {
            SawEnd = true;
            return false;
        }

        int position = _nextAvailable;
        bool wrap = _availableWrap;
        for (int entries = 1; entries <= Size; entries++)
        {
            if (!View.TryRead(AddressOf(position), out PackedDescriptor descriptor))
            {
                return Broken("The descriptor ring is not in memory.");
            }

            // Those that follow the first were made available before it.
            if (!IsAvailable(descriptor.Flags, wrap))
            {
                return Broken($"A chain goes on at descriptor {position}, which is not available.");
            }

            bool hasNext = (descriptor.Flags & Descriptor.Next) != 0;
            if ((descriptor.Flags & Descriptor.Indirect) != 0 && (hasNext || entries > 1))
            {
                return Broken("An indirect descriptor within a chain (virtio 1.2, 2.8.7).");
            }

            if (!TryAdd(chain, descriptor.ToDescriptor(), isPacked: true))
            {
                return false;
            }

            Advance(ref position, ref wrap, 1);
            if (!hasNext)
            {
                // The last one has the chain's ID (virtio 1.2, 2.8.6).
                chain.Id = descriptor.Id;
                chain.RingEntries = entries;
                if (entries + EntriesInUse > Size)
                {
                    return Broken("More descriptors are available than the queue has.");
                }

                EntriesInUse += entries;
                _nextAvailable = position;
                _availableWrap = wrap;
                return true;
            }
        }

        return Broken($"The chain at descriptor {_nextAvailable} has more descriptors than the queue.");
    }

    private int EntriesInUse { get; set; }

    private protected override void ReturnCore(ushort id, int ringEntries, uint written, bool hasWritable)
    {
        ulong address = AddressOf(_nextUsed);
        ushort flags = (ushort)((_usedWrap ? PackedDescriptor.Available | PackedDescriptor.Used : 0) | (hasWritable && written > 0 ? Descriptor.Write : 0));
        WriteOrBreak(address + 8, written | ((ulong)id << 32) | ((ulong)CurrentFlags(address) << 48));
        if (IsBatch && _unseen is null)
        {
            _unseen = (address, flags);
        }
        else
        {
            Show(address, flags);
        }

        EntriesInUse -= ringEntries;
        _returnedSinceSignal += ringEntries;
        Advance(ref _nextUsed, ref _usedWrap, ringEntries);
    }

    private protected override void Publish()
    {
        if (_unseen is { } first)
        {
            _unseen = null;
            Show(first.Address, first.Flags);
        }
    }

    private void Show(ulong address, ushort flags)
    {
        Volatile.WriteBarrier(); // length and ID are visible before the flags that show them (virtio 1.2, 2.8.8)
        WriteOrBreak(address + PackedDescriptor.FlagsOffset, flags);
    }

    private void WriteOrBreak<T>(ulong address, in T value)
        where T : unmanaged
    {
        if (!View.TryWrite(address, value))
        {
            Break("The descriptor ring is not in memory.");
        }
    }

    // The flags stay what they are while length and ID are written in one go.
    private ushort CurrentFlags(ulong address) => View.TryRead(address + PackedDescriptor.FlagsOffset, out ushort flags) ? flags : (ushort)0;

    private static bool IsAvailable(ushort flags, bool wrap) =>
        ((flags & PackedDescriptor.Available) != 0) == wrap && ((flags & PackedDescriptor.Used) != 0) != wrap;

    /// <summary>Entries between two positions of which the first is the later one.</summary>
    private int Distance(ushort available, ushort used) =>
        (available & OffsetMask) - (used & OffsetMask) + (available >> WrapBit != used >> WrapBit ? Size : 0);

    private static ushort Pack(int offset, bool wrap) => (ushort)(offset | (wrap ? 1 << WrapBit : 0));

    private ulong AddressOf(int position) => Layout.Descriptors + ((ulong)position * Descriptor.Size);

    private void Advance(ref int position, ref bool wrap, int count)
    {
        position += count;
        if (position >= Size)
        {
            position -= Size;
            wrap = !wrap;
        }
    }

    private void WriteEvent(ushort offset, ushort flags)
    {
        bool isWritten = View.TryWrite(Layout.DeviceArea, offset);
        Volatile.WriteBarrier(); // a driver that sees the flags sees the offset that goes with them
        isWritten &= View.TryWrite(Layout.DeviceArea + EventFlagsOffset, flags);
        if (!isWritten)
        {
            Break("The device's event suppression is not in memory.");
        }
    }
}
