using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Virtio;

/// <summary>The device's side of a queue: takes chains that the driver has made available, and gives them back (virtio 1.2, 2.6 to 2.8).</summary>
/// <remarks>
/// Used on the device's worker, within the calls that it makes. What a driver does wrong is a value: the queue is broken from then on, gives no more
/// chains, and the device asks to be reset. Nothing allocates once the queue is warm.
/// </remarks>
public abstract partial class Virtqueue
{
    // Drivers make tables of indirect descriptors longer than their queue; the limit bounds what one chain can cost.
    private const int MinChainLimit = 1024;

    private readonly Stack<DescriptorChain> _free = new();
    private readonly DescriptorChain?[] _order;
    private readonly bool _isInOrder;
    private GuestRange[] _ranges = [];
    private uint _taken;
    private uint _returned;

    private protected Virtqueue(int index, QueueLayout layout, GuestMemoryView view, VirtioFeatures features)
    {
        Index = index;
        Layout = layout;
        View = view;
        HasEventIndex = features.HasFlag(VirtioFeatures.EventIndex);
        HasIndirect = features.HasFlag(VirtioFeatures.IndirectDescriptors);
        _isInOrder = features.HasFlag(VirtioFeatures.InOrder);
        _order = _isInOrder ? new DescriptorChain?[layout.Size] : [];
        ChainLimit = int.Max(layout.Size, MinChainLimit);
    }

    /// <summary>The queue's number in its device.</summary>
    public int Index { get; }

    /// <summary>Entries, as the driver has chosen.</summary>
    public int Size => Layout.Size;

    /// <summary>What the driver did wrong, or null: nothing.</summary>
    public string? Fault { get; private set; }

    /// <summary>Chains that were taken and not given back.</summary>
    public int Outstanding { get; private set; }

    internal GuestMemoryView View { get; }

    /// <summary>Where it counts.</summary>
    internal QueueCounters Counters { get; init; } = new();

    internal int Generation { get; private set; }

    /// <summary>Set where the device's worker shall come to an end of its work soon: no more chains are given out meanwhile.</summary>
    internal bool IsHeld
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>Room for ranges of memory that one call is about; never more than a chain has.</summary>
    internal GuestRange[] RentRanges(int count) => _ranges.Length >= count ? _ranges : _ranges = new GuestRange[int.Min(ChainLimit, int.Max(count, 2 * _ranges.Length))];

    /// <summary>The device has come to the end of what the driver made available.</summary>
    private protected bool SawEnd { get; set; }

    private protected QueueLayout Layout { get; }

    private protected bool HasEventIndex { get; }

    private protected int ChainLimit { get; }

    private bool HasIndirect { get; }

    /// <summary>Takes the next chain.</summary>
    /// <param name="chain">The chain, to be given back by <see cref="Complete"/>.</param>
    /// <returns>False: there is none now.</returns>
    public bool TryTake([NotNullWhen(true)] out DescriptorChain? chain)
    {
        chain = null;
        if (Fault is not null || IsHeld)
        {
            return false;
        }

        if (_restored is not null)
        {
            chain = TakeRestored();
            return true;
        }

        // A driver has no more in flight than the queue has entries; one that says so is wrong, and must not make us hold more.
        if (Outstanding >= Size)
        {
            if (HasNext())
            {
                Break("More chains are available than the queue has entries.");
            }
            else
            {
                SawEnd = true;
            }

            return false;
        }

        DescriptorChain next = _free.Count > 0 ? _free.Pop() : NewChain();
        next.Clear();
        if (!TryTakeCore(next))
        {
            _free.Push(next);
            return false;
        }

        next.Generation = Generation;
        next.Sequence = _taken++;
        next.IsInFlight = true;
        Outstanding++;
        chain = next;
        return true;
    }

    /// <summary>Gives a chain back to the driver. It hears of it when the worker's call ends, unless it does not want to.</summary>
    /// <param name="chain">A chain of this queue, used no more after this call.</param>
    /// <param name="written">Bytes written from the first writable one on; more than the buffers hold counts as all of them.</param>
    /// <remarks>Where the driver wants its buffers in order (VIRTIO_F_IN_ORDER), a chain waits for those that were taken before it.</remarks>
    public void Complete(DescriptorChain chain, long written)
    {
        ArgumentNullException.ThrowIfNull(chain);
        ArgumentOutOfRangeException.ThrowIfNegative(written);
        if (chain.Queue != this)
        {
            throw new ArgumentException($"The chain is of queue {chain.Queue.Index}, and this is queue {Index}. Give it back to its own.", nameof(chain));
        }

        if (chain.Generation != Generation || chain.Written != DescriptorChain.NotReturned)
        {
            return; // the queue was reset meanwhile, or the chain was given back already
        }

        chain.Written = long.Min(written, long.Min(chain.WritableLength, uint.MaxValue));
        if (!_isInOrder)
        {
            Return(chain);
            return;
        }

        _order[chain.Sequence % (uint)_order.Length] = chain;
        while (_order[_returned % (uint)_order.Length] is { } first)
        {
            _order[_returned % (uint)_order.Length] = null;
            Return(first);
        }
    }

    /// <summary>The driver has made more available than was taken.</summary>
    internal abstract bool HasNext();

    /// <summary>Tells the driver that it need not notify, for the device is looking.</summary>
    internal abstract void DisableNotifications();

    /// <summary>Tells the driver to notify.</summary>
    /// <returns>True: more has come before it could know, and the device wants it.</returns>
    internal abstract bool EnableNotifications();

    /// <summary>Whether the driver wants to hear of what was given back since this was asked last.</summary>
    internal abstract bool TakeSignal();

    /// <summary>All chains are stale from now on.</summary>
    internal void Close()
    {
        Generation++;
        _restored = null;
        IsHeld = true;
    }

    internal void Break(string fault) => Fault ??= $"Queue {Index}: {fault}";

    /// <summary>Starts a look at the queue.</summary>
    internal void BeginLook() => SawEnd = false;

    /// <summary>What is given back until <see cref="EndBatch"/> is seen by the driver all at once, as the buffers of one frame must be (virtio 1.2, 5.1.6.4.1). Without EndBatch nothing is.</summary>
    internal void BeginBatch() => IsBatch = true;

    /// <summary>Shows the driver what was given back since <see cref="BeginBatch"/>.</summary>
    internal void EndBatch()
    {
        IsBatch = false;
        Publish();
    }

    /// <summary>What is given back is not to be seen yet.</summary>
    private protected bool IsBatch { get; private set; }

    /// <summary>Shows the driver what was given back and not yet shown; there may be nothing.</summary>
    private protected abstract void Publish();

    private protected abstract bool TryTakeCore(DescriptorChain chain);

    private protected abstract void ReturnCore(ushort id, int ringEntries, uint written, bool hasWritable);

    /// <summary>Adds a descriptor's buffer to a chain, or its table of further ones.</summary>
    private protected bool TryAdd(DescriptorChain chain, in Descriptor descriptor, bool isPacked)
    {
        if ((descriptor.Flags & Descriptor.Indirect) == 0)
        {
            return TryAddBuffer(chain, descriptor);
        }

        return isPacked ? TryAddPackedTable(chain, descriptor) : TryAddSplitTable(chain, descriptor);
    }

    private protected bool Broken(string fault)
    {
        Break(fault);
        return false;
    }

    private void Return(DescriptorChain chain)
    {
        ReturnCore(chain.Id, chain.RingEntries, (uint)chain.Written, chain.WritableCount > 0);
        Counters.Count(chain.ReadableLength, chain.Written);
        _returned++;
        Outstanding--;
        chain.IsInFlight = false;
        _free.Push(chain);
    }

    private bool TryAddBuffer(DescriptorChain chain, in Descriptor descriptor)
    {
        if (chain.Count >= ChainLimit)
        {
            return Broken($"A chain has more than {ChainLimit} buffers, or is a loop.");
        }

        if (descriptor.Address + descriptor.Length < descriptor.Address || !View.Contains(descriptor.Address, descriptor.Length))
        {
            return Broken($"A buffer of 0x{descriptor.Length:X} bytes at 0x{descriptor.Address:X} is not in memory.");
        }

        return chain.TryAdd(new GuestRange(descriptor.Address, descriptor.Length), (descriptor.Flags & Descriptor.Write) != 0)
            || Broken("A buffer to read follows one to write (virtio 1.2, 2.7.4.2).");
    }

    /// <summary>A counter of 16 bits has passed an event index on its way (virtio 1.2, 2.7.10).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static bool HasPassed(ushort @event, ushort now, ushort before) => (ushort)(now - @event - 1) < (ushort)(now - before);
}
