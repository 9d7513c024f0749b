namespace HvSdk.Devices.Virtio;

/// <summary>Buffers that were taken from a receive queue and wait for a frame. With mergeable buffers a frame may need several (virtio 1.2, 5.1.6.4).</summary>
internal sealed class ReceiveQueue(int capacity)
{
    private readonly DescriptorChain?[] _chains = new DescriptorChain?[capacity];
    private int _first;

    public int Count { get; private set; }

    /// <summary>Bytes of all of them.</summary>
    public long Room { get; private set; }

    public void Add(DescriptorChain chain)
    {
        _chains[(_first + Count++) % _chains.Length] = chain;
        Room += chain.WritableLength;
    }

    /// <summary>How many of them some bytes need.</summary>
    public int CountFor(long length)
    {
        int count = 0;
        for (long room = 0; room < length && count < Count; count++)
        {
            room += _chains[(_first + count) % _chains.Length]!.WritableLength;
        }

        return count;
    }

    public DescriptorChain Take()
    {
        DescriptorChain chain = _chains[_first]!;
        _chains[_first] = null;
        _first = (_first + 1) % _chains.Length;
        Count--;
        Room -= chain.WritableLength;
        return chain;
    }

    public void Clear()
    {
        Array.Clear(_chains);
        Count = 0;
        Room = 0;
    }
}
