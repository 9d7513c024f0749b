namespace HvSdk.Devices.Virtio;

/// <content>What is counted, for <see cref="VirtioMetrics"/>.</content>
internal sealed partial class VirtioEndpoint
{
    private long _kicks;
    private long _interrupts;
    private long _faults;

    internal long Requests => Sum(static counters => counters.Requests);

    internal long BytesFromDriver => Sum(static counters => counters.BytesFromDriver);

    internal long BytesToDriver => Sum(static counters => counters.BytesToDriver);

    internal long Kicks => Volatile.Read(ref _kicks);

    internal long Interrupts => Interlocked.Read(ref _interrupts);

    internal long Faults => Volatile.Read(ref _faults);

    private void SignalQueue(int queue)
    {
        Interlocked.Increment(ref _interrupts);
        _signals.SignalQueue(queue);
    }

    private void SignalConfiguration()
    {
        Interlocked.Increment(ref _interrupts);
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
