using System.Buffers.Binary;
using static HvSdk.Devices.Virtio.BalloonSpecification;

namespace HvSdk.Devices.Virtio;

/// <content>Pages that the guest puts into the balloon, takes out, or reports as free (virtio 1.2, 5.5.6). All of it is done by the device's worker.</content>
public sealed partial class BalloonDevice
{
    private const int None = -1;

    /// <summary>Pages of the balloon in one look, each of which may cost the host a call of its own; an array may hold millions.</summary>
    private const int MaxPagesPerLook = 4096;

    /// <summary>Bytes of reported pages in one look, which the host takes in large pieces.</summary>
    private const long MaxReportPerLook = 256L << 20;

    /// <summary>What a chain counts for in a look, so that empty ones end it too.</summary>
    private const int ChainCost = 16;

    private int _statisticsQueue = None;
    private int _reportingQueue = None;
    private DescriptorChain? _inflating;
    private long _inflateOffset;
    private DescriptorChain? _reporting;
    private int _reportIndex;
    private uint _reportOffset;
    private long _reportZeroed;
    private bool _isReportZeroed;

    /// <summary>
    /// Finds which queue is which. By the table of virtio 1.2, 5.5.2 each has a number of its own, used or not; drivers in the field, Linux's among them, give numbers
    /// to those queues alone that their features have. Which of the two a driver does shows in the queues that it sets up.
    /// </summary>
    private void FindQueues()
    {
        int next = StatisticsQueue;
        _statisticsQueue = Has(StatisticsFeature) ? next++ : None;
        _reportingQueue = !Has(PageReportingFeature) ? None : FindQueue(ReportingQueue) is not null ? ReportingQueue : next;
    }

    private void ForgetChains()
    {
        _inflating = null;
        _inflateOffset = 0;
        _reporting = null;
        _statisticsBuffer = null;
        _statisticsQueue = _reportingQueue = None;
    }

    /// <summary>A queue was reset alone.</summary>
    private void ForgetChains(Virtqueue queue)
    {
        if (_inflating?.Queue == queue)
        {
            _inflating = null;
            _inflateOffset = 0;
        }

        if (_reporting?.Queue == queue)
        {
            _reporting = null;
        }

        if (_statisticsBuffer?.Queue == queue)
        {
            _statisticsBuffer = null;
        }
    }

    /// <summary>Gives back the pages that the driver names in arrays of numbers.</summary>
    /// <returns>True: there is more to do.</returns>
    private bool Inflate(Virtqueue queue)
    {
        Span<byte> numbers = stackalloc byte[512 * PageNumberSize];
        int left = MaxPagesPerLook;
        while (_inflating is not null || queue.TryTake(out _inflating))
        {
            // Read before the first of them goes: the array may lie in one of the pages that it names.
            int read = _inflating.Read(_inflateOffset, numbers);
            if (read >= PageNumberSize)
            {
                ReturnPages(numbers[..(read & -PageNumberSize)]);
                _inflateOffset += read & -PageNumberSize;
                left -= read / PageNumberSize;
            }

            if (read < numbers.Length)
            {
                queue.Complete(_inflating, 0);
                _inflating = null;
                _inflateOffset = 0;
                left -= ChainCost;
            }

            if (left <= 0)
            {
                return true;
            }
        }

        return false;
    }

    private void ReturnPages(ReadOnlySpan<byte> numbers)
    {
        Counters.CountInflated((long)(numbers.Length / PageNumberSize) * PageSize);
        var pages = new BalloonPages(Memory, Counters);
        for (; !numbers.IsEmpty; numbers = numbers[PageNumberSize..])
        {
            pages.Add(BinaryPrimitives.ReadUInt32LittleEndian(numbers));
        }

        pages.Return();
    }

    /// <summary>Lets the driver have its pages: they come back with their first touch, so there is nothing to do.</summary>
    /// <returns>True: there is more to do.</returns>
    private bool Deflate(Virtqueue queue)
    {
        int left = MaxPagesPerLook;
        while (queue.TryTake(out DescriptorChain? chain))
        {
            Counters.CountDeflated(chain.ReadableLength / PageNumberSize * PageSize);
            queue.Complete(chain, 0);
            left -= ChainCost;
            if (left <= 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Gives back free pages, which come as the buffers of chains (virtio 1.2, 5.5.6.7).</summary>
    /// <returns>True: there is more to do.</returns>
    private bool TakeReports(Virtqueue queue)
    {
        long left = MaxReportPerLook;
        while (_reporting is not null || TryTakeReport(queue))
        {
            while (left > 0 && _reporting!.TryGetWritable(_reportIndex, out GuestRange buffer))
            {
                left -= ReturnPart(buffer, left);
            }

            if (left <= 0)
            {
                return true;
            }

            // So many bytes from the first on were written, with zeros.
            queue.Complete(_reporting!, _reportZeroed);
            _reporting = null;
            left -= ChainCost * PageSize;
        }

        return false;
    }

    private bool TryTakeReport(Virtqueue queue)
    {
        _reportIndex = 0;
        _reportOffset = 0;
        _reportZeroed = 0;
        _isReportZeroed = true;
        return queue.TryTake(out _reporting);
    }

    /// <summary>Gives back whole pages of a buffer, from where the last call ended.</summary>
    /// <returns>What it counts for in this look.</returns>
    private long ReturnPart(GuestRange buffer, long limit)
    {
        uint size = (uint)long.Min(buffer.Length - _reportOffset, (limit + PageSize - 1) & -PageSize);
        ulong start = buffer.Address + _reportOffset;
        ulong first = (start + PageSize - 1) & ~(PageSize - 1UL);
        ulong end = (start + size) & ~(PageSize - 1UL);
        ulong whole = end > first ? end - first : 0;

        // With VIRTIO_BALLOON_F_PAGE_POISON agreed upon, a reported page keeps its content (5.5.6.7.2); zeros are zeros again.
        bool mayChange = !Has(PagePoisonFeature) || Volatile.Read(ref _poison) == 0;
        bool isReturned = whole > 0 && mayChange && Memory is { } memory && memory.TryDiscard(first, whole);
        long returned = isReturned ? (long)whole : 0;
        Counters.CountReported(size);
        Counters.CountReturned(returned, isReturned: true);
        Counters.CountReturned(size - returned, isReturned: false);
        _isReportZeroed &= returned == size;
        _reportZeroed += _isReportZeroed ? size : 0;
        _reportOffset += size;
        if (_reportOffset == buffer.Length)
        {
            _reportIndex++;
            _reportOffset = 0;
        }

        return long.Max(size, ChainCost * PageSize);
    }
}
