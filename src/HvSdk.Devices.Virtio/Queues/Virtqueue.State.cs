namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state. Chains in flight are handed out once more, before any new one.</content>
public abstract partial class Virtqueue
{
    private readonly List<DescriptorChain> _chains = [];
    private Queue<DescriptorChain>? _restored;

    /// <summary>How far it has come, as in <see cref="VirtqueueState"/>.</summary>
    internal abstract (ushort Available, ushort Used) Position { get; set; }

    /// <summary>What was taken and not given back, in the order of taking.</summary>
    internal DescriptorChainState[] SaveInFlight() =>
    [
        .. _chains.Where(static chain => chain.IsInFlight).OrderBy(chain => chain.Sequence - _returned).Select(static chain => new DescriptorChainState
        {
            Id = chain.Id,
            RingEntries = chain.RingEntries,
            Buffers = chain.SaveBuffers(),
            Written = chain.Written == DescriptorChain.NotReturned ? null : chain.Written,
        }),
    ];

    /// <summary>Puts a state into a queue that was made now. The view is entered.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    internal string? LoadState(VirtqueueState state)
    {
        if (state.InFlight is null || state.InFlight.Count > Size || state.InFlight.Any(static chain => chain is null))
        {
            return $"{nameof(state.InFlight)} has {state.InFlight?.Count ?? 0} chains or lacks one; a queue of {Size} has at most so many.";
        }

        if (FindProblem(state) is { } problem)
        {
            return problem;
        }

        // IDs are the guest's affair: one that gives the same twice has its own trouble.
        var restored = new Queue<DescriptorChain>();
        foreach (DescriptorChainState saved in state.InFlight)
        {
            DescriptorChain chain = NewChain();
            if (FindProblem(saved, isFirst: _taken == 0) is { } chainProblem || (chainProblem = Fill(chain, saved)) is not null)
            {
                return $"the chain in flight with the ID {saved.Id} {chainProblem}";
            }

            chain.Sequence = _taken++;
            chain.IsInFlight = true;
            Outstanding++;
            if (saved.Written is { } written)
            {
                chain.Written = long.Min(written, chain.WritableLength);
                _order[chain.Sequence % (uint)_order.Length] = chain;
            }
            else
            {
                restored.Enqueue(chain);
            }
        }

        Position = (state.NextAvailable, state.NextUsed);
        _restored = restored.Count > 0 ? restored : null;
        return null;
    }

    /// <summary>What is wrong with positions and entries, or null.</summary>
    private protected abstract string? FindProblem(VirtqueueState state);

    private string? FindProblem(DescriptorChainState saved, bool isFirst)
    {
        if (saved.Buffers is null || saved.Buffers.Count == 0 || saved.Buffers.Count > ChainLimit)
        {
            return $"has {saved.Buffers?.Count ?? 0} buffers; it has 1 to {ChainLimit}.";
        }

        return saved.Written switch
        {
            null => null,
            < 0 or > uint.MaxValue => $"has {saved.Written} bytes written; that is 0 to {uint.MaxValue}.",
            _ when !_isInOrder || isFirst => "is given back already; only one that waits for another is, where VIRTIO_F_IN_ORDER was agreed upon.",
            _ => null,
        };
    }

    private string? Fill(DescriptorChain chain, DescriptorChainState saved)
    {
        chain.Clear();
        chain.Id = saved.Id;
        chain.RingEntries = saved.RingEntries;
        chain.Generation = Generation;
        foreach (ChainBuffer buffer in saved.Buffers)
        {
            if (buffer.Address + buffer.Length < buffer.Address || !View.Contains(buffer.Address, buffer.Length))
            {
                return $"has a buffer of 0x{buffer.Length:X} bytes at 0x{buffer.Address:X}, which is not in memory.";
            }

            if (!chain.TryAdd(new GuestRange(buffer.Address, buffer.Length), buffer.IsWritable))
            {
                return "has a buffer to read behind one to write (virtio 1.2, 2.7.4.2).";
            }
        }

        return null;
    }

    private DescriptorChain NewChain()
    {
        var chain = new DescriptorChain(this);
        _chains.Add(chain);
        return chain;
    }

    private DescriptorChain TakeRestored()
    {
        DescriptorChain chain = _restored!.Dequeue();
        _restored = _restored.Count > 0 ? _restored : null;
        return chain;
    }
}
