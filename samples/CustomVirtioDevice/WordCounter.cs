using System.Buffers.Binary;
using HvSdk.Devices.Virtio;

namespace CustomVirtioDevice;

/// <summary>
/// A virtio device of our own: the driver sends text and gets the number of its words, four bytes. The configuration space, four bytes too, says how
/// many texts there were.
/// </summary>
internal sealed class WordCounter : VirtioDevice
{
    private const int MaxText = 1 << 20; // a driver may offer terabytes; what is beyond this is not counted

    private readonly byte[] _part = new byte[4096];
    private int _texts;

    // A number that virtio has not given out (virtio 1.2, 5).
    public override uint DeviceId => 0x3E;

    public override IReadOnlyList<int> QueueSizes { get; } = [64];

    public override int ConfigurationLength => sizeof(int);

    protected override void ReadConfiguration(int offset, Span<byte> data)
    {
        Span<byte> space = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(space, Volatile.Read(ref _texts));
        space.Slice(offset, data.Length).CopyTo(data);
    }

    // On the device's own thread, whenever the driver has put something into the queue.
    protected override void Process(Virtqueue queue)
    {
        while (queue.TryTake(out DescriptorChain? chain))
        {
            bool hasRoom = chain.TryWrite(0, CountWords(chain));
            queue.Complete(chain, hasRoom ? sizeof(int) : 0);
            Interlocked.Increment(ref _texts);
        }

        NotifyConfigurationChanged();
    }

    // The text is read once, into memory that the guest cannot reach.
    private int CountWords(DescriptorChain chain)
    {
        int words = 0;
        bool isWithin = false;
        for (long at = 0; at < MaxText; at += _part.Length)
        {
            int length = chain.Read(at, _part);
            foreach (byte character in _part.AsSpan(0, length))
            {
                bool isLetter = character > (byte)' ';
                words += isLetter && !isWithin ? 1 : 0;
                isWithin = isLetter;
            }

            if (length < _part.Length)
            {
                break;
            }
        }

        return words;
    }
}
