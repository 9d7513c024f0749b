namespace HvSdk.Testing;

/// <summary>The driver's side of a split queue (virtio 1.2, 2.7).</summary>
internal sealed class SplitVirtqueueDriver : VirtqueueDriver
{
    private const ushort Next = 1;
    private const ushort Write = 2;
    private const ushort Indirect = 4;
    private const ushort NoInterrupt = 1;
    private const ushort NoNotify = 1;
    private const ulong DescriptorSize = 16;

    private readonly Stack<ushort> _free = new();
    private readonly ushort[][] _chains;
    private readonly bool _hasEventIndex;
    private ushort _available;
    private ushort _notified;
    private ushort _used;

    internal SplitVirtqueueDriver(GuestArena arena, int size, bool hasEventIndex, Action notify)
        : base(arena, size, notify)
    {
        _hasEventIndex = hasEventIndex;
        _chains = new ushort[size][];
        Descriptors = arena.Allocate((ulong)size * DescriptorSize, 16);
        DriverArea = arena.Allocate(6 + (2 * (ulong)size), 2);
        DeviceArea = arena.Allocate(6 + (8 * (ulong)size), 4);
        arena.Memory.Write(DriverArea, new byte[6 + (2 * size)]);
        arena.Memory.Write(DeviceArea, new byte[6 + (8 * size)]);
        for (int i = size - 1; i >= 0; i--)
        {
            _free.Push((ushort)i);
        }
    }

    public override ulong Descriptors { get; }

    public override ulong DriverArea { get; }

    public override ulong DeviceArea { get; }

    public override ushort NextOffset => _available;

    public override bool WantsNotification
    {
        get
        {
            Interlocked.MemoryBarrier();
            if (!_hasEventIndex)
            {
                return (Arena.Memory.Read<ushort>(DeviceArea) & NoNotify) == 0;
            }

            ushort @event = Arena.Memory.Read<ushort>(DeviceArea + 4 + (8 * (ulong)Size));
            bool wants = (ushort)(_available - @event - 1) < (ushort)(_available - _notified);
            _notified = _available;
            return wants;
        }
    }

    public override void SetInterruptsEnabled(bool enabled)
    {
        if (_hasEventIndex)
        {
            // An index that is behind is passed once in 65536 buffers.
            Arena.Memory.Write(DriverArea + 4 + (2 * (ulong)Size), enabled ? _used : (ushort)(_used - 1));
            IsEventKept = enabled;
            return;
        }

        Arena.Memory.Write(DriverArea, enabled ? (ushort)0 : NoInterrupt);
    }

    private bool IsEventKept { get; set; } = true;

    public override ushort AddIndirect(params ReadOnlySpan<DriverBuffer> buffers)
    {
        ulong table = Arena.Allocate((ulong)buffers.Length * DescriptorSize, 16);
        for (int i = 0; i < buffers.Length; i++)
        {
            bool isLast = i == buffers.Length - 1;
            WriteDescriptor(table + ((ulong)i * DescriptorSize), buffers[i], (ushort)((buffers[i].IsWritable ? Write : 0) | (isLast ? 0 : Next)), (ushort)(i + 1));
        }

        return Publish([Take(new DriverBuffer(table, (uint)buffers.Length * (uint)DescriptorSize, IsWritable: false), Indirect)]);
    }

    public override bool TryTakeUsed(out UsedBuffer used)
    {
        used = default;
        if (Arena.Memory.Read<ushort>(DeviceArea + 2) == _used)
        {
            return false;
        }

        Volatile.ReadBarrier();
        ulong entry = Arena.Memory.Read<ulong>(DeviceArea + 4 + (8 * (ulong)(_used % Size)));
        used = new UsedBuffer((ushort)entry, (uint)(entry >> 32));
        _used++;
        if (_hasEventIndex && IsEventKept)
        {
            Arena.Memory.Write(DriverArea + 4 + (2 * (ulong)Size), _used);
        }

        foreach (ushort descriptor in _chains[used.Id] ?? throw new InvalidOperationException($"The device gave chain {used.Id} back, which it did not have."))
        {
            _free.Push(descriptor);
        }

        _chains[used.Id] = null!;
        return true;
    }

    private protected override ushort AddCore(ReadOnlySpan<DriverBuffer> buffers)
    {
        if (buffers.IsEmpty || buffers.Length > _free.Count)
        {
            throw new InvalidOperationException($"{buffers.Length} buffers were to be added, and {_free.Count} descriptors of {Size} are free. Take used buffers first.");
        }

        ushort[] chain = new ushort[buffers.Length];
        ushort next = 0;
        for (int i = buffers.Length - 1; i >= 0; i--)
        {
            bool isLast = i == buffers.Length - 1;
            chain[i] = Take(buffers[i], isLast ? (ushort)0 : Next, next);
            next = chain[i];
        }

        return Publish(chain);
    }

    private ushort Take(in DriverBuffer buffer, ushort flags, ushort next = 0)
    {
        if (!_free.TryPop(out ushort descriptor))
        {
            throw new InvalidOperationException($"All {Size} descriptors are in use. Take used buffers first.");
        }

        WriteDescriptor(Descriptors + (descriptor * DescriptorSize), buffer, (ushort)(flags | (buffer.IsWritable ? Write : 0)), next);
        return descriptor;
    }

    private ushort Publish(ushort[] chain)
    {
        _chains[chain[0]] = chain;
        Arena.Memory.Write(DriverArea + 4 + (2 * (ulong)(_available % Size)), chain[0]);
        Volatile.WriteBarrier();
        Arena.Memory.Write(DriverArea + 2, ++_available);
        return chain[0];
    }
}
