using System.Security.Cryptography;

namespace HvSdk.Devices.Virtio;

/// <summary>Random numbers for the guest (virtio 1.2, 5.4), by default of the host's cryptographic generator.</summary>
public sealed class EntropyDevice : VirtioDevice
{
    private const uint EntropyDeviceId = 4;
    private const int QueueSize = 64;

    // A driver asks for some bytes at a time; one that offers more gets this much, as the device may give less than there is room for.
    private const int MaxRequest = 1 << 16;

    private readonly RandomSource _source;
    private long _bytes;

    /// <summary>Makes one that gives what the host's cryptographic generator gives.</summary>
    public EntropyDevice()
        : this(RandomNumberGenerator.Fill)
    {
    }

    /// <summary>Makes one with another source: a guest that shall run the same each time, for one.</summary>
    /// <param name="source">Fills a span; called on the device's worker, with memory that the guest sees at once.</param>
    public EntropyDevice(RandomSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        _source = source;
    }

    /// <inheritdoc/>
    public override uint DeviceId => EntropyDeviceId;

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; } = [QueueSize];

    /// <summary>Bytes that the guest got since the device was made.</summary>
    public long BytesGiven => Interlocked.Read(ref _bytes);

    /// <inheritdoc/>
    protected internal override void Process(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        while (queue.TryTake(out DescriptorChain? chain))
        {
            long length = long.Min(chain.WritableLength, MaxRequest);
            long done = 0;
            while (done < length)
            {
                int part = chain.AccessWritable(done, (int)(length - done), _source, static (span, source) => source(span));
                if (part == 0)
                {
                    break;
                }

                done += part;
            }

            Interlocked.Add(ref _bytes, done);
            queue.Complete(chain, done);
        }
    }
}

/// <summary>Where random numbers come from.</summary>
/// <param name="destination">What to fill, all of it.</param>
public delegate void RandomSource(Span<byte> destination);
