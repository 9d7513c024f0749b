using System.Diagnostics;
using System.Globalization;
using HvSdk.Devices.Virtio;
using HvSdk.Testing;

namespace HvSdk.Benchmarks.Queues;

/// <summary>Requests that one processor takes out of a queue and gives back in a second, by a device that does nothing else.</summary>
internal sealed class QueueBenchmark(bool quick)
{
    private const int Batch = 64;
    private const int Buffers = 2;
    private const double Goal = 5;

    private readonly int _requestsPerMeasure = quick ? 2048 : 8192;
    private readonly int _measures = quick ? 9 : 25;

    private readonly TimeSpan _warmUp = TimeSpan.FromMilliseconds(quick ? 150 : 500);

    internal IEnumerable<Result> Run()
    {
        // The compiler's second thoughts about a method come late, and in the background: whoever is first would have the numbers of unfinished code.
        long bytes = 0;
        Measure("split", 0, ref bytes);
        Measure("packed", VirtioDriverFeatures.PackedRing, ref bytes);

        bytes = 0;
        yield return Measure("split", 0, ref bytes);
        yield return Measure("packed", VirtioDriverFeatures.PackedRing, ref bytes);
        yield return new Result("queue-bytes-per-request", bytes, "bytes", Relation.Exactly, 0, "allocated by the device's side over all of the above");
    }

    private Result Measure(string name, ulong ring, ref long bytes)
    {
        double silent = Rate(ring, Batch, Buffers, ref bytes);
        ulong withEvents = ring | VirtioDriverFeatures.EventIndex;
        double events = Rate(withEvents, Batch, Buffers, ref bytes);
        double single = Rate(withEvents, Batch, 1, ref bytes);
        double triple = Rate(withEvents, Batch, 3, ref bytes);
        double indirect = Rate(withEvents | VirtioDriverFeatures.IndirectDescriptors, Batch, 3, ref bytes);
        double alone = Rate(withEvents, 1, Buffers, ref bytes);
        double few = Rate(withEvents, 8, Buffers, ref bytes);
        return new Result($"queue-{name}", double.Min(silent, events), "million/s", Relation.AtLeast, Goal, string.Create(
            CultureInfo.InvariantCulture,
            $"chains of {Buffers} buffers, {Batch} at a time: {silent:F1} without event index, {events:F1} with it; then {single:F1} for 1 buffer, {triple:F1} for 3, {indirect:F1} for 3 in a table; {few:F1} for 8 at a time, {alone:F1} one by one"));
    }

    /// <summary>Millions in a second: the median of the measures.</summary>
    private double Rate(ulong features, int batch, int buffers, ref long bytes)
    {
        using var bench = new QueueBench(new ReturningDevice(), features);
        var chains = new DriverBuffer[buffers];
        for (int i = 0; i < buffers; i++)
        {
            chains[i] = i < buffers - 1 ? bench.Readable(new byte[16]) : bench.Writable(16);
        }

        bool isIndirect = (features & VirtioDriverFeatures.IndirectDescriptors) != 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            Rounds(bench, chains, batch, isIndirect);
        }
        while (Stopwatch.GetElapsedTime(start) < _warmUp);

        double[] rates = new double[_measures];
        for (int i = 0; i < rates.Length; i++)
        {
            Cost cost = Rounds(bench, chains, batch, isIndirect);
            rates[i] = _requestsPerMeasure / (cost.Ticks / (double)Stopwatch.Frequency) / 1e6;
            bytes += cost.Bytes;
        }

        return Sampling.Median(rates);
    }

    private Cost Rounds(QueueBench bench, ReadOnlySpan<DriverBuffer> chain, int batch, bool isIndirect)
    {
        VirtqueueDriver queue = bench.Queues[0];
        Cost cost = default;
        for (int done = 0; done < _requestsPerMeasure; done += batch)
        {
            ulong mark = queue.Arena.Mark;
            for (int i = 0; i < batch; i++)
            {
                _ = isIndirect ? queue.AddIndirect(chain) : queue.Add(chain);
            }

            cost += bench.Work();
            while (queue.TryTakeUsed(out _))
            {
            }

            bench.AcknowledgeInterrupt();
            queue.Arena.Clear(mark);
        }

        return cost;
    }

    private sealed class ReturningDevice : VirtioDevice
    {
        public override uint DeviceId => 0x3F; // no number of virtio 1.2, 5

        public override IReadOnlyList<int> QueueSizes => [256];

        protected internal override void Process(Virtqueue queue)
        {
            while (queue.TryTake(out DescriptorChain? chain))
            {
                queue.Complete(chain, 0);
            }
        }
    }
}
