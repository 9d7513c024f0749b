using static HvSdk.Devices.Virtio.BalloonSpecification;

namespace HvSdk.Devices.Virtio;

/// <summary>Gives single pages back to the host, neighbours together: a driver names them one by one, and each call to the host costs about as much as many pages do.</summary>
internal ref struct BalloonPages(GuestMemory? memory, BalloonCounters counters)
{
    private ulong _first;
    private ulong _count;

    /// <summary>Adds a page; those before it may go now.</summary>
    /// <param name="number">Its GPA divided by 4096.</param>
    internal void Add(uint number)
    {
        if (_count != 0 && number == _first + _count)
        {
            _count++;
        }
        else if (_count != 0 && number + 1UL == _first)
        {
            _first--;
            _count++;
        }
        else
        {
            Return();
            _first = number;
            _count = 1;
        }
    }

    /// <summary>Gives back what was added last.</summary>
    internal void Return()
    {
        if (_count == 0)
        {
            return;
        }

        // One page that cannot go keeps its neighbours from going with it, so they go one by one.
        if (!TryReturn(_first, _count))
        {
            for (ulong i = 0; i < _count; i++)
            {
                counters.CountReturned(PageSize, _count > 1 && TryDiscard(_first + i, 1));
            }
        }

        _count = 0;
    }

    private readonly bool TryReturn(ulong first, ulong count)
    {
        if (!TryDiscard(first, count))
        {
            return false;
        }

        counters.CountReturned((long)count * PageSize, isReturned: true);
        return true;
    }

    private readonly bool TryDiscard(ulong first, ulong count) => memory is not null && memory.TryDiscard(first * PageSize, count * PageSize);
}
