namespace HvSdk.Devices.Virtio;

/// <content>What is counted, for <see cref="VirtioMetrics"/>.</content>
internal sealed partial class VirtioEndpoint
{
    private long _kicks;
    private long _queueSignals;
    private long _configurationSignals;
    private long _faults;

    internal long Requests => Sum(static counters => counters.Requests);

    internal long BytesFromDriver => Sum(static counters => counters.BytesFromDriver);

    internal long BytesToDriver => Sum(static counters => counters.BytesToDriver);

    internal long Kicks => Volatile.Read(ref _kicks);

    /// <summary>How often the driver was told of buffers that came back.</summary>
    internal long Signals => Interlocked.Read(ref _queueSignals);

    internal long Interrupts => Signals + Interlocked.Read(ref _configurationSignals);

    internal long Faults => Volatile.Read(ref _faults);

    private void SignalQueue(int queue)
    {
        Interlocked.Increment(ref _queueSignals);
        _signals.SignalQueue(queue);
    }

    private void SignalConfiguration()
    {
        Interlocked.Increment(ref _configurationSignals);
        _signals.SignalConfiguration();
    }

    private long Sum(Func<QueueCounters, long> value)
    {
        long sum = 0;
        foreach (QueueSetup setup in _queues)
        {
            sum += value(setup.Counters);
        }

        return sum;
    }
}
