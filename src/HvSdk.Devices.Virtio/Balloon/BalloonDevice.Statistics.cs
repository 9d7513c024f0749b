using static HvSdk.Devices.Virtio.BalloonSpecification;

namespace HvSdk.Devices.Virtio;

/// <content>What the guest tells of its memory (virtio 1.2, 5.5.6.3): the driver leaves a buffer with the device, which gives it back when it wants to know more.</content>
public sealed partial class BalloonDevice
{
    /// <summary>More entries than any driver has; what comes after them is not read.</summary>
    private const int MaxStatistics = 64;

    private DescriptorChain? _statisticsBuffer;
    private BalloonMemoryStatistics? _statistics;

    // Those who have come since the driver was asked last, and those whom its next answer is for: what it collected before somebody asked is no answer to him.
    private TaskCompletionSource<BalloonMemoryStatistics>? _waiting;
    private TaskCompletionSource<BalloonMemoryStatistics>? _asked;

    /// <summary>What the guest has told last since its driver came, or null: nothing yet. Drivers tell once when they start, and then when they are asked.</summary>
    public BalloonMemoryStatistics? MemoryStatistics => Volatile.Read(ref _statistics);

    /// <summary>Asks the guest how much memory it uses now. Several callers share an answer.</summary>
    /// <param name="cancellationToken">Ends the waiting. A driver may take any time to answer, and one that is broken does not.</param>
    /// <returns>What it told after it was asked; also in <see cref="MemoryStatistics"/> from then on.</returns>
    /// <exception cref="InvalidOperationException">No driver is there that tells statistics, or it is reset meanwhile, or the machine has ended.</exception>
    public Task<BalloonMemoryStatistics> RefreshStatisticsAsync(CancellationToken cancellationToken = default)
    {
        Task<BalloonMemoryStatistics> answer;
        lock (_gate)
        {
            // The reset of a driver clears this before it fails those who wait, under the lock.
            if (!IsActive || !Has(StatisticsFeature) || Fault is not null)
            {
                throw new InvalidOperationException(FindReasonForSilence());
            }

            _waiting ??= new TaskCompletionSource<BalloonMemoryStatistics>(TaskCreationOptions.RunContinuationsAsynchronously);
            answer = _waiting.Task.WaitAsync(cancellationToken);
        }

        Wake();
        return answer;
    }

    private string FindReasonForSilence()
    {
        if (!_options.HasStatistics)
        {
            return $"The balloon was made without statistics. Set {nameof(BalloonDeviceOptions)}.{nameof(BalloonDeviceOptions.HasStatistics)}.";
        }

        return Fault is { } fault ? $"The guest's driver has broken the balloon, which waits for its reset: {fault}"
            : IsActive ? "The guest's driver tells no statistics."
            : "No driver of the guest is there to tell statistics. Ask once IsActive is true.";
    }

    /// <summary>Reads what the driver has told, and asks it again where somebody waits.</summary>
    /// <returns>True: there is more to do.</returns>
    private bool ReadStatistics(Virtqueue queue)
    {
        if (_statisticsBuffer is not null)
        {
            lock (_gate)
            {
                if (_waiting is null)
                {
                    return false; // nobody wants to know, so the buffer stays here
                }

                (_asked, _waiting) = (_waiting, null);
            }

            queue.Complete(_statisticsBuffer, 0);
            _statisticsBuffer = null;
        }

        // One buffer is all that a driver may make available (5.5.6.3.1). Were there more, they would be the answers to later questions.
        if (!queue.TryTake(out _statisticsBuffer))
        {
            return false;
        }

        Span<byte> entries = stackalloc byte[MaxStatistics * StatisticSize];
        int read = _statisticsBuffer.Read(0, entries);
        var statistics = BalloonMemoryStatistics.Read(entries[..read], TimeProvider.GetUtcNow());
        Counters.CountStatistics();
        TaskCompletionSource<BalloonMemoryStatistics>? asked;
        bool isWanted;
        lock (_gate)
        {
            Volatile.Write(ref _statistics, statistics);
            (asked, _asked) = (_asked, null);
            isWanted = _waiting is not null;
        }

        asked?.TrySetResult(statistics);
        return isWanted;
    }

    private void ForgetStatistics(Func<Exception> reason)
    {
        TaskCompletionSource<BalloonMemoryStatistics>? asked, waiting;
        lock (_gate)
        {
            Volatile.Write(ref _statistics, null);
            (asked, _asked, waiting, _waiting) = (_asked, null, _waiting, null);
        }

        Fail(asked, reason);
        Fail(waiting, reason);
    }

    private static void Fail(TaskCompletionSource<BalloonMemoryStatistics>? those, Func<Exception> reason)
    {
        if (those?.TrySetException(reason()) == true)
        {
            _ = those.Task.Exception; // seen, for those who wait may have left
        }
    }
}
