using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>The request that a queue works on: its header is read once and checked, and its work is done in steps, so that none of any length holds a reset up.</summary>
internal sealed class BlockRequest(IBlockStorage storage, byte[] id)
{
    /// <summary>Bytes that one step moves at most.</summary>
    public const int StepLength = 1 << 20;

    /// <summary>Ranges of a discard or a write of zeroes at most.</summary>
    public const int MaxRanges = 64;

    /// <summary>Sectors of such a range at most: 1 GiB.</summary>
    public const uint MaxRangeSectors = 1 << 21;

    private const int DiscardStepLength = 1 << 26;

    // struct virtio_blk_req (virtio 1.2, 5.2.6): type, reserved, sector; then data and status.
    private const int HeaderLength = 16;
    private const int SectorOffset = 8;
    private const int StatusLength = 1;

    private readonly BlockRange[] _ranges = new BlockRange[MaxRanges];
    private readonly byte[] _rangeBytes = new byte[MaxRanges * BlockRange.Size];
    private DescriptorChain? _chain;
    private BlockFeatures _features;
    private int _rangeCount;
    private int _rangeIndex;
    private long _moved; // in the range that is under way

    /// <summary>There is one.</summary>
    public bool IsUnderWay => _chain is not null;

    /// <summary>All steps are done, or the first error has ended them.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Its place among the operations in a second is paid for.</summary>
    public bool IsPaid { get; set; }

    public BlockRequestType Type { get; private set; }

    public BlockStatus Status { get; private set; }

    /// <summary>Bytes that it has moved.</summary>
    public long Moved { get; private set; }

    /// <summary>What the next step counts for in the limit of bytes in a second.</summary>
    public long NextLength => IsDone || Type is not (BlockRequestType.In or BlockRequestType.Out or BlockRequestType.WriteZeroes) || _rangeIndex == _rangeCount
        ? 0
        : long.Min(_ranges[_rangeIndex].Length - _moved, StepLength);

    /// <summary>What the guest was told of is gone: the queue was reset.</summary>
    public void Forget() => _chain = null;

    /// <summary>Reads a chain's header and checks all of it.</summary>
    /// <param name="chain">The chain.</param>
    /// <param name="capacity">Bytes of the disk.</param>
    /// <param name="features">What was agreed upon.</param>
    /// <param name="isReadOnly">Writes are errors.</param>
    public void Begin(DescriptorChain chain, long capacity, BlockFeatures features, bool isReadOnly)
    {
        _chain = chain;
        _features = features;
        _rangeCount = _rangeIndex = 0;
        _moved = Moved = 0;
        IsDone = IsPaid = false;
        Status = BlockStatus.Ok;
        Span<byte> header = stackalloc byte[HeaderLength];
        if (chain.Read(0, header) < HeaderLength || chain.WritableLength < StatusLength)
        {
            End(BlockStatus.IoError);
            return;
        }

        Type = (BlockRequestType)BinaryPrimitives.ReadUInt32LittleEndian(header);
        ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(header[SectorOffset..]);
        switch (Type)
        {
            case BlockRequestType.In:
                SetRange(sector, chain.WritableLength - StatusLength, capacity);
                break;
            case BlockRequestType.Out or BlockRequestType.Discard or BlockRequestType.WriteZeroes when isReadOnly:
                End(BlockStatus.IoError); // virtio 1.2, 5.2.6.2
                break;
            case BlockRequestType.Out:
                SetRange(sector, chain.ReadableLength - HeaderLength, capacity);
                break;
            case BlockRequestType.Discard when (features & BlockFeatures.Discard) != 0:
            case BlockRequestType.WriteZeroes when (features & BlockFeatures.WriteZeroes) != 0:
                ReadRanges(capacity);
                break;
            case BlockRequestType.Flush or BlockRequestType.GetId:
                break;
            default:
                End(BlockStatus.Unsupported);
                break;
        }
    }

    /// <summary>Does a bounded part of the work.</summary>
    /// <returns>What it costs of the time for one look at a queue, in bytes.</returns>
    /// <exception cref="IOException">The storage has failed. Others of <see cref="IBlockStorage"/> likewise.</exception>
    public int Step()
    {
        switch (Type)
        {
            case BlockRequestType.Flush:
                storage.Flush();
                End(BlockStatus.Ok);
                return StepLength;
            case BlockRequestType.GetId:
                _chain!.Write(0, id.AsSpan(0, (int)long.Min(id.Length, _chain.WritableLength - StatusLength)));
                End(BlockStatus.Ok);
                return 0;
            default:
                return StepOfRanges();
        }
    }

    /// <summary>No more steps.</summary>
    public void End(BlockStatus status)
    {
        Status = status;
        IsDone = true;
    }

    /// <summary>Gives the chain back with its status.</summary>
    public void Complete()
    {
        DescriptorChain chain = _chain!;
        _chain = null;

        // A chain without room for a status gets none, and comes back empty.
        long statusOffset = chain.WritableLength - StatusLength;
        bool hasStatus = statusOffset >= 0 && chain.TryWrite(statusOffset, (byte)Status);
        chain.Queue.Complete(chain, hasStatus ? chain.WritableLength : 0);
    }

    private int StepOfRanges()
    {
        int cost = 0;
        if (_rangeIndex < _rangeCount)
        {
            BlockRange range = _ranges[_rangeIndex];
            int length = (int)long.Min(range.Length - _moved, Type == BlockRequestType.Discard ? DiscardStepLength : StepLength);
            if (length > 0)
            {
                StepOfRange(range, range.Offset + _moved, length);
                _moved += length;
                Moved += length;
                cost = Type == BlockRequestType.Discard ? StepLength : length;
            }

            if (_moved == range.Length)
            {
                _rangeIndex++;
                _moved = 0;
            }
        }

        if (_rangeIndex == _rangeCount && !IsDone)
        {
            cost += WriteThrough();
            End(BlockStatus.Ok);
        }

        return cost;
    }

    private void StepOfRange(in BlockRange range, long offset, int length)
    {
        bool mayUnmap = (range.Flags & BlockRange.Unmap) != 0;
        switch (Type)
        {
            case BlockRequestType.In:
                storage.Read(offset, new WritableBuffers(_chain!, _moved, length));
                break;
            case BlockRequestType.Out:
                storage.Write(offset, new ReadableBuffers(_chain!, HeaderLength + _moved, length));
                break;
            case BlockRequestType.WriteZeroes:
                storage.WriteZeroes(offset, length, mayUnmap && storage.CanDiscard);
                break;
            case BlockRequestType.Discard:
                storage.Discard(offset, length);
                break;
        }
    }

    /// <summary>Without flushes in the driver's hand, what it has written is safe when it hears of it (virtio 1.2, 5.2.6.2).</summary>
    private int WriteThrough()
    {
        if (Type == BlockRequestType.In || (_features & BlockFeatures.Flush) != 0)
        {
            return 0;
        }

        storage.Flush();
        return StepLength;
    }

    private void SetRange(ulong sector, long length, long capacity)
    {
        if (BlockRange.TryMake(sector, length, capacity, out _ranges[0]))
        {
            _rangeCount = 1;
        }
        else
        {
            End(BlockStatus.IoError);
        }
    }

    /// <summary>The ranges of a discard or a write of zeroes (virtio 1.2, 5.2.6.2), all checked before the first is touched.</summary>
    private void ReadRanges(long capacity)
    {
        long length = _chain!.ReadableLength - HeaderLength;
        if (length <= 0 || length % BlockRange.Size != 0 || length > _rangeBytes.Length || _chain.Read(HeaderLength, _rangeBytes.AsSpan(0, (int)length)) != length)
        {
            End(BlockStatus.IoError);
            return;
        }

        uint knownFlags = Type == BlockRequestType.WriteZeroes ? BlockRange.Unmap : 0;
        bool isInside = true;
        for (; _rangeCount < length / BlockRange.Size; _rangeCount++)
        {
            ref BlockRange range = ref _ranges[_rangeCount];
            isInside &= BlockRange.TryRead(_rangeBytes.AsSpan(_rangeCount * BlockRange.Size), capacity, out range)
                && range.Length <= (long)MaxRangeSectors * BlockRange.SectorSize;
            if ((range.Flags & ~knownFlags) != 0)
            {
                End(BlockStatus.Unsupported);
                return;
            }
        }

        if (!isInside)
        {
            End(BlockStatus.IoError);
        }
    }
}
