namespace HvSdk.Devices.Virtio;

/// <summary>A part of a chain's buffers of one direction: what <see cref="ReadableBuffers"/> and <see cref="WritableBuffers"/> are about.</summary>
internal readonly struct ChainPart(DescriptorChain chain, long start, int length)
{
    public DescriptorChain Chain => chain;

    /// <summary>First byte, counted over all buffers of the direction.</summary>
    public long Start => start;

    public int Length => length;

    public ChainPart Slice(int offset, int count)
    {
        ThrowUnlessWithin(offset, count);
        return new ChainPart(chain, start + offset, count);
    }

    public void ThrowUnlessWithin(int start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > Length - start)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, $"Bytes {start} to {(long)start + length} are not within the {Length} that there are. Stay within {nameof(Length)}.");
        }
    }

    public void ThrowUnlessAsLong(int given, string name)
    {
        if (given != Length)
        {
            throw new ArgumentException($"The {name} has {given} bytes, and the buffers {Length}. Take a slice of the longer.", name);
        }
    }

    /// <summary>The chain had less than it said: its queue was reset, or memory went.</summary>
    public static IOException Gone() => new("The guest's buffer is not in memory any more.");
}
