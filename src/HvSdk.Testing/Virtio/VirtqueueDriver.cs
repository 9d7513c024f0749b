using System.Buffers.Binary;
using System.Diagnostics;

namespace HvSdk.Testing;

/// <summary>The driver's side of a virtqueue, in guest memory: for tests of devices without a guest (virtio 1.2, 2.6 to 2.8). One thread at a time.</summary>
/// <remarks>It does what drivers do, and no more: to see what a device makes of lies, write into the rings at their addresses.</remarks>
public abstract class VirtqueueDriver
{
    private static readonly TimeSpan s_defaultLimit = TimeSpan.FromSeconds(30);

    private readonly Action _notify;

    private protected VirtqueueDriver(GuestArena arena, int size, Action notify)
    {
        Arena = arena;
        Size = size;
        _notify = notify;
    }

    /// <summary>Makes a queue in guest memory: split, or packed.</summary>
    /// <param name="arena">Where its parts and its buffers go.</param>
    /// <param name="size">Entries; a power of two for a split queue.</param>
    /// <param name="features">What was agreed upon: bits 28 (indirect), 29 (event index) and 34 (packed) count.</param>
    /// <param name="notify">Tells the device that there is something new.</param>
    public static VirtqueueDriver Create(GuestArena arena, int size, ulong features, Action notify)
    {
        ArgumentNullException.ThrowIfNull(arena);
        ArgumentNullException.ThrowIfNull(notify);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        bool hasEventIndex = (features & VirtioDriverFeatures.EventIndex) != 0;
        return (features & VirtioDriverFeatures.PackedRing) != 0
            ? new PackedVirtqueueDriver(arena, size, hasEventIndex, notify)
            : new SplitVirtqueueDriver(arena, size, hasEventIndex, notify);
    }

    /// <summary>Where buffers go.</summary>
    public GuestArena Arena { get; }

    /// <summary>Entries.</summary>
    public int Size { get; }

    /// <summary>GPA of the descriptor table, or of the packed ring.</summary>
    public abstract ulong Descriptors { get; }

    /// <summary>GPA of the available ring, or of the packed ring's driver event suppression.</summary>
    public abstract ulong DriverArea { get; }

    /// <summary>GPA of the used ring, or of the packed ring's device event suppression.</summary>
    public abstract ulong DeviceArea { get; }

    /// <summary>The device asks to be notified of what is added next.</summary>
    public abstract bool WantsNotification { get; }

    /// <summary>How far the driver has come, as a notification carries it (VIRTIO_F_NOTIFICATION_DATA; virtio 1.2, 2.9): a packed queue's wrap counter is bit 15.</summary>
    public abstract ushort NextOffset { get; }

    /// <summary>The driver wants interrupts. Without event index; with it, it wants one for each buffer that comes back.</summary>
    public abstract void SetInterruptsEnabled(bool enabled);

    /// <summary>Makes buffers available together.</summary>
    /// <param name="buffers">Readable ones first; at least one.</param>
    /// <returns>What names them when they come back.</returns>
    public ushort Add(params ReadOnlySpan<DriverBuffer> buffers) => AddCore(buffers);

    /// <summary>Makes buffers available by one descriptor that points at a table of them (VIRTIO_F_INDIRECT_DESC).</summary>
    /// <param name="buffers">Readable ones first; at least one.</param>
    /// <returns>What names them when they come back.</returns>
    public abstract ushort AddIndirect(params ReadOnlySpan<DriverBuffer> buffers);

    /// <summary>Takes what the device has given back next.</summary>
    /// <param name="used">It.</param>
    /// <returns>False: nothing now.</returns>
    public abstract bool TryTakeUsed(out UsedBuffer used);

    /// <summary>Notifies the device, whether it asks for it or not.</summary>
    public void Notify() => _notify();

    /// <summary>Waits until the device gives something back.</summary>
    /// <param name="limit">How long at most; null: 30 s.</param>
    /// <returns>It.</returns>
    /// <exception cref="TimeoutException">The device gave nothing back within the limit.</exception>
    public UsedBuffer TakeUsed(TimeSpan? limit = null)
    {
        long start = Stopwatch.GetTimestamp();
        SpinWait spin = default;
        UsedBuffer used;
        while (!TryTakeUsed(out used))
        {
            if (Stopwatch.GetElapsedTime(start) > (limit ?? s_defaultLimit))
            {
                throw new TimeoutException($"The device gave no buffer back within {limit ?? s_defaultLimit}.");
            }

            spin.SpinOnce();
        }

        return used;
    }

    /// <summary>One request: sends bytes, waits, and gets the answer.</summary>
    /// <param name="request">Bytes for the device; may be none.</param>
    /// <param name="answerLength">Bytes of room for the answer; may be 0.</param>
    /// <returns>What the device says it has written.</returns>
    public byte[] Exchange(ReadOnlySpan<byte> request, int answerLength)
    {
        ulong mark = Arena.Mark;
        ulong answer = Arena.Allocate((ulong)answerLength);
        Span<DriverBuffer> buffers = stackalloc DriverBuffer[2];
        int count = 0;
        if (!request.IsEmpty)
        {
            buffers[count++] = new DriverBuffer(Arena.Allocate(request), (uint)request.Length, IsWritable: false);
        }

        if (answerLength > 0)
        {
            buffers[count++] = new DriverBuffer(answer, (uint)answerLength, IsWritable: true);
        }

        AddCore(buffers[..count]);
        Notify();
        UsedBuffer used = TakeUsed();
        byte[] bytes = new byte[used.Written];
        Arena.Memory.Read(answer, bytes);
        Arena.Clear(mark);
        return bytes;
    }

    private protected abstract ushort AddCore(ReadOnlySpan<DriverBuffer> buffers);

    private protected void WriteDescriptor(ulong address, in DriverBuffer buffer, ushort word12, ushort word14)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, buffer.Address);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], buffer.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[12..], word12);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[14..], word14);
        Arena.Memory.Write(address, bytes);
    }
}
