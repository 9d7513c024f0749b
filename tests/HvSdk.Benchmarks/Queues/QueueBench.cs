using System.Diagnostics;
using HvSdk.Devices.Virtio;
using HvSdk.Testing;

namespace HvSdk.Benchmarks.Queues;

/// <summary>A virtio device, and the driver's side of its queues in the same memory: no hypervisor, and this thread is the device's worker.</summary>
internal sealed class QueueBench : IDisposable
{
    private readonly VirtioMmio _transport;
    private readonly VirtioBench _bench;

    internal QueueBench(VirtioDevice device, ulong? features = null)
    {
        _transport = new VirtioMmio(device, hasWorker: false);
        _bench = new VirtioBench(_transport);
        _bench.Driver.Start(features);
    }

    internal IReadOnlyList<VirtqueueDriver> Queues => _bench.Driver.Queues;

    internal DriverBuffer Readable(ReadOnlySpan<byte> content) => new(_bench.Arena.Allocate(content), (uint)content.Length, IsWritable: false);

    internal DriverBuffer Writable(uint length) => new(_bench.Arena.Allocate(length), length, IsWritable: true);

    /// <summary>The device does all that there is to do: what it took, on this thread, which the driver's part does not count in.</summary>
    internal Cost Work()
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        while (_transport.Endpoint.RunOnce())
        {
        }

        long ticks = Stopwatch.GetTimestamp() - start;
        return new Cost(ticks, GC.GetAllocatedBytesForCurrentThread() - bytes);
    }

    internal void AcknowledgeInterrupt() => _bench.Driver.AcknowledgeInterrupt(uint.MaxValue);

    public void Dispose() => _bench.Dispose();
}

/// <summary>What work has cost.</summary>
/// <param name="Ticks">In the stopwatch's unit.</param>
/// <param name="Bytes">Allocated.</param>
internal readonly record struct Cost(long Ticks, long Bytes)
{
    public static Cost operator +(Cost left, Cost right) => new(left.Ticks + right.Ticks, left.Bytes + right.Bytes);
}
