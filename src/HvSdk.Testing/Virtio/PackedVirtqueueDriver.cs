namespace HvSdk.Testing;

/// <summary>The driver's side of a packed queue (virtio 1.2, 2.8).</summary>
internal sealed class PackedVirtqueueDriver : VirtqueueDriver
{
    private const ushort Next = 1;
    private const ushort Write = 2;
    private const ushort Indirect = 4;
    private const ushort Available = 1 << 7;
    private const ushort Used = 1 << 15;
    private const ulong DescriptorSize = 16;
    private const ushort EventDisable = 1;
    private const ushort EventDescriptor = 2;

    private readonly Stack<ushort> _ids = new();
    private readonly int[] _lengths;
    private readonly bool _hasEventIndex;
    private int _free;
    private int _available;
    private bool _availableWrap = true;
    private int _used;
    private bool _usedWrap = true;
    private ushort _addedSinceNotified;
    private bool _wantsInterrupts = true;

    internal PackedVirtqueueDriver(GuestArena arena, int size, bool hasEventIndex, Action notify)
        : base(arena, size, notify)
    {
        _hasEventIndex = hasEventIndex;
        _free = size;
        _lengths = new int[size];
        Descriptors = arena.Allocate((ulong)size * DescriptorSize, 16);
        DriverArea = arena.Allocate(4, 4);
        DeviceArea = arena.Allocate(4, 4);
        arena.Memory.Write(Descriptors, new byte[size * (int)DescriptorSize]);
        arena.Memory.Write(DriverArea, 0U);
        arena.Memory.Write(DeviceArea, 0U);
        for (int i = size - 1; i >= 0; i--)
        {
            _ids.Push((ushort)i);
        }

        WriteEvent();
    }

    public override ulong Descriptors { get; }

    public override ulong DriverArea { get; }

    public override ulong DeviceArea { get; }

    public override ushort NextOffset => (ushort)(_available | (_availableWrap ? 1 << 15 : 0));

    public override bool WantsNotification
    {
        get
        {
            Interlocked.MemoryBarrier();
            uint suppression = Arena.Memory.Read<uint>(DeviceArea);
            ushort before = (ushort)(_available - _addedSinceNotified);
            _addedSinceNotified = 0;
            switch (suppression >> 16 & 3)
            {
                case EventDisable:
                    return false;
                case EventDescriptor when _hasEventIndex:
                    ushort offset = (ushort)(suppression & 0x7FFF);
                    bool wrap = (suppression >> 15 & 1) != 0;
                    offset = wrap == _availableWrap ? offset : (ushort)(offset - Size);
                    return (ushort)(_available - offset - 1) < (ushort)(_available - before);
                default:
                    return true;
            }
        }
    }

    public override void SetInterruptsEnabled(bool enabled)
    {
        _wantsInterrupts = enabled;
        WriteEvent();
    }

    public override ushort AddIndirect(params ReadOnlySpan<DriverBuffer> buffers)
    {
        ulong table = Arena.Allocate((ulong)buffers.Length * DescriptorSize, 16);
        for (int i = 0; i < buffers.Length; i++)
        {
            WriteDescriptor(table + ((ulong)i * DescriptorSize), buffers[i], 0, buffers[i].IsWritable ? Write : (ushort)0);
        }

        return Publish([new DriverBuffer(table, (uint)buffers.Length * (uint)DescriptorSize, IsWritable: false)], Indirect);
    }

    public override bool TryTakeUsed(out UsedBuffer used)
    {
        used = default;
        ulong address = Descriptors + ((ulong)_used * DescriptorSize);
        ushort flags = Arena.Memory.Read<ushort>(address + 14);
        bool isUsed = (flags & Used) != 0;
        if (isUsed != ((flags & Available) != 0) || isUsed != _usedWrap)
        {
            return false;
        }

        Volatile.ReadBarrier();
        used = new UsedBuffer(Arena.Memory.Read<ushort>(address + 12), Arena.Memory.Read<uint>(address + 8));
        int length = used.Id < Size ? _lengths[used.Id] : 0;
        if (length == 0)
        {
            throw new InvalidOperationException($"The device gave chain {used.Id} back, which it did not have.");
        }

        _lengths[used.Id] = 0;
        _ids.Push(used.Id);
        _free += length;
        _used += length;
        if (_used >= Size)
        {
            _used -= Size;
            _usedWrap = !_usedWrap;
        }

        WriteEvent();
        return true;
    }

    private protected override ushort AddCore(ReadOnlySpan<DriverBuffer> buffers) => Publish(buffers, 0);

    private ushort Publish(ReadOnlySpan<DriverBuffer> buffers, ushort extra)
    {
        if (buffers.IsEmpty || buffers.Length > _free)
        {
            throw new InvalidOperationException($"{buffers.Length} buffers were to be added, and {_free} descriptors of {Size} are free. Take used buffers first.");
        }

        ushort id = _ids.Pop();
        ulong first = Descriptors + ((ulong)_available * DescriptorSize);
        ushort firstFlags = 0;
        for (int i = 0; i < buffers.Length; i++)
        {
            ushort flags = (ushort)((_availableWrap ? Available : Used) | extra | (buffers[i].IsWritable ? Write : 0) | (i == buffers.Length - 1 ? 0 : Next));
            ulong address = Descriptors + ((ulong)_available * DescriptorSize);
            if (i == 0)
            {
                // The first one's flags come last: they make all of it available (virtio 1.2, 2.8.6).
                firstFlags = flags;
                flags = Arena.Memory.Read<ushort>(address + 14);
            }

            WriteDescriptor(address, buffers[i], id, flags);
            if (++_available == Size)
            {
                _available = 0;
                _availableWrap = !_availableWrap;
            }
        }

        Volatile.WriteBarrier();
        Arena.Memory.Write(first + 14, firstFlags);
        _lengths[id] = buffers.Length;
        _free -= buffers.Length;
        _addedSinceNotified += (ushort)buffers.Length;
        return id;
    }

    private void WriteEvent()
    {
        uint value = !_wantsInterrupts ? (uint)EventDisable << 16
            : _hasEventIndex ? (uint)_used | (_usedWrap ? 1U << 15 : 0) | ((uint)EventDescriptor << 16)
            : 0;
        Arena.Memory.Write(DriverArea, value);
    }
}
