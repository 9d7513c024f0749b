using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace HvSdk.Devices.Virtio;

/// <summary>How a <see cref="BlockDevice"/> is made.</summary>
public sealed record BlockDeviceOptions
{
    private const int MaxIdLength = 20; // VIRTIO_BLK_ID_BYTES (virtio 1.2, 5.2.6)
    private const int MaxQueues = 64;
    private const int MinQueueSize = 4;
    private const int MaxQueueSize = 1024;
    private const int MaxBlockSize = 4096;
    private const int MaxPhysicalBlockSize = 1 << 20;

    /// <summary>The guest cannot write, even where the storage could.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>A name for the disk that the guest can ask for: up to 20 ASCII characters. Linux has it as the disk's serial number.</summary>
    public string Id { get; init; } = "";

    /// <summary>Queues, 1 to 64; a guest uses one for each processor where there are enough. All are served by the device's one worker.</summary>
    public int QueueCount { get; init; } = 1;

    /// <summary>Entries of each queue: a power of two from 4 to 1024. It limits the buffers of a request, to two less.</summary>
    public int QueueSize { get; init; } = 256;

    /// <summary>Bytes of what the guest takes for the disk's unit: a power of two from 512 to 4096, which the storage's length is a multiple of.</summary>
    public int BlockSize { get; init; } = BlockRange.SectorSize;

    /// <summary>Bytes that are best written together: a power of two from <see cref="BlockSize"/> to 1 MiB. By default the page of most file systems.</summary>
    public int PhysicalBlockSize { get; init; } = 4096;

    /// <summary>Bytes of a request that is best for speed, a multiple of <see cref="BlockSize"/>; 0: none is known.</summary>
    public int OptimalIoSize { get; init; }

    /// <summary>Requests in a second, of all kinds and all queues together; null: no limit.</summary>
    public RateLimit? Operations { get; init; }

    /// <summary>Bytes read, written and zeroed in a second; null: no limit.</summary>
    public RateLimit? Bytes { get; init; }

    /// <summary>Throws where a value is out of its range.</summary>
    internal void Validate()
    {
        Require(Id is not null && Id.Length <= MaxIdLength && Ascii.IsValid(Id), nameof(Id), Id, $"up to {MaxIdLength} ASCII characters");
        Require(QueueCount is >= 1 and <= MaxQueues, nameof(QueueCount), QueueCount, $"1 to {MaxQueues}");
        Require(IsPowerOfTwo(QueueSize, MinQueueSize, MaxQueueSize), nameof(QueueSize), QueueSize, $"a power of two from {MinQueueSize} to {MaxQueueSize}");
        Require(IsPowerOfTwo(BlockSize, BlockRange.SectorSize, MaxBlockSize), nameof(BlockSize), BlockSize, $"a power of two from {BlockRange.SectorSize} to {MaxBlockSize}");
        Require(
            IsPowerOfTwo(PhysicalBlockSize, BlockSize, MaxPhysicalBlockSize), nameof(PhysicalBlockSize), PhysicalBlockSize, $"a power of two from {nameof(BlockSize)}, {BlockSize}, to {MaxPhysicalBlockSize}");
        Require(OptimalIoSize >= 0 && OptimalIoSize % BlockSize == 0, nameof(OptimalIoSize), OptimalIoSize, $"0, or a multiple of {nameof(BlockSize)}, {BlockSize}");
    }

    /// <summary>The name as the guest gets it, filled up with zeroes.</summary>
    internal byte[] EncodeId()
    {
        byte[] id = new byte[MaxIdLength];
        Encoding.ASCII.GetBytes(Id, id);
        return id;
    }

    /// <summary>The configuration space but for the capacity (virtio 1.2, 5.2.4).</summary>
    internal byte[] EncodeConfiguration(bool canDiscard, bool isReadOnly)
    {
        byte[] bytes = new byte[BlockConfigurationOffset.Length];
        Write(BlockConfigurationOffset.SegMax, (uint)QueueSize - 2); // header and status take two descriptors
        Write(BlockConfigurationOffset.BlockSize, (uint)BlockSize);
        bytes[BlockConfigurationOffset.PhysicalBlockExponent] = (byte)BitOperations.Log2((uint)(PhysicalBlockSize / BlockSize));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(BlockConfigurationOffset.MinIoSize), (ushort)(PhysicalBlockSize / BlockSize));
        Write(BlockConfigurationOffset.OptimalIoSize, (uint)(OptimalIoSize / BlockSize));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(BlockConfigurationOffset.NumQueues), (ushort)QueueCount);
        if (!isReadOnly)
        {
            Write(BlockConfigurationOffset.MaxWriteZeroesSectors, BlockRequest.MaxRangeSectors);
            Write(BlockConfigurationOffset.MaxWriteZeroesSegments, BlockRequest.MaxRanges);
            bytes[BlockConfigurationOffset.WriteZeroesMayUnmap] = canDiscard ? (byte)1 : (byte)0;
        }

        if (!isReadOnly && canDiscard)
        {
            Write(BlockConfigurationOffset.MaxDiscardSectors, BlockRequest.MaxRangeSectors);
            Write(BlockConfigurationOffset.MaxDiscardSegments, BlockRequest.MaxRanges);
            Write(BlockConfigurationOffset.DiscardSectorAlignment, (uint)(BlockSize / BlockRange.SectorSize));
        }

        return bytes;

        void Write(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);
    }

    private static bool IsPowerOfTwo(int value, int min, int max) => value >= min && value <= max && BitOperations.IsPow2(value);

    private static void Require(bool isMet, string name, object? value, string range)
    {
        if (!isMet)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{nameof(BlockDeviceOptions)}.{name} is {range}.");
        }
    }
}
