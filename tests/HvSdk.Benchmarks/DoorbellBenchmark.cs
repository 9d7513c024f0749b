using System.Diagnostics;
using System.Globalization;

namespace HvSdk.Benchmarks;

/// <summary>From the entry before a ring to the thread that waited for it, against a C thread that waits on the same kind of eventfd.</summary>
internal sealed class DoorbellBenchmark(Hypervisor hypervisor, string peerPath, bool quick)
{
    private const int RingsPerBatch = 100;

    internal Result Run()
    {
        // On threads of their own, which are pinned and end with the benchmark.
        Comparison polls = OnThread(() => Measure("poll"));
        Comparison reads = OnThread(() => Measure("read"));
        (double low, double high) = polls.Spread;
        return new Result("doorbell-ratio", polls.Ratio, "ratio", Relation.AtMost, 1.15, string.Create(
            CultureInfo.InvariantCulture,
            $"{polls.NativeMedian:F1} us in C, {polls.ManagedMedian:F1} us; middle half of {polls.Native.Length} pairs {low:F3} to {high:F3}; " +
            $"against a blocking read of an eventfd that cannot time out {reads.Ratio:F3} ({reads.NativeMedian:F1} us in C)"));
    }

    private static Comparison OnThread(Func<Comparison> measure)
    {
        Comparison? result = null;
        var thread = new Thread(() =>
        {
            Processor.Pin(0);
            result = measure();
        });
        thread.Start();
        thread.Join();
        return result ?? throw new InvalidOperationException("The measurement failed.");
    }

    private Comparison Measure(string howPeerWaits)
    {
        Testing.GuestProgram guest = Guests.Rings(RingsPerBatch);
        using var peer = new Peer(peerPath);
        peer.Ask($"doorbell {howPeerWaits} {Guests.Hex(guest)}");

        using Partition partition = hypervisor.CreatePartition();
        partition.Memory.Map(0, Guests.SmallRam);
        var clock = new RingClock(RingsPerBatch);
        partition.Ports.Map(Guests.ArmPort, 1, new ActionDevice(clock.Arm));
        partition.Ports.Map(Guests.SyncPort, 1, new ActionDevice(clock.Sync));
        using Vcpu vcpu = partition.CreateVcpu(0);
        guest.LoadInto(partition.Memory);
        guest.Start(vcpu);

        Doorbell doorbell = partition.CreateDoorbell(DoorbellLocation.Port(Guests.BellPort));
        var waiter = new Thread(() => WaitForRings(doorbell, clock)) { IsBackground = true, Name = "doorbell waiter" };
        waiter.Start();
        Comparison comparison = Sampling.Alternate(quick ? 10 : 20, quick ? 60 : 300, () => peer.Ask("ring")[0] / 1000.0, () => RunBatch(vcpu, clock));
        doorbell.Dispose();
        waiter.Join();
        return comparison;
    }

    private static double RunBatch(Vcpu vcpu, RingClock clock)
    {
        clock.Clear();
        VcpuExit exit = vcpu.Run();
        if (exit.Kind != VcpuExitKind.Halt)
        {
            exit.ThrowUnexpected();
        }

        return clock.Median;
    }

    private static void WaitForRings(Doorbell doorbell, RingClock clock)
    {
        Processor.Pin(1);
        try
        {
            while (true)
            {
                doorbell.Wait();
                clock.Rung();
            }
        }
        catch (ObjectDisposedException)
        {
            // The end of the benchmark.
        }
    }

    /// <summary>Takes the times on both threads.</summary>
    private sealed class RingClock(int most)
    {
        private readonly double[] _samples = new double[most];
        private int _taken;
        private long _armedAt;
        private int _before;
        private long _rungAt;
        private int _rings;

        internal double Median => Sampling.Median(_samples[.._taken]);

        internal void Clear() => _taken = 0;

        internal void Arm()
        {
            _before = Volatile.Read(ref _rings);
            _armedAt = Stopwatch.GetTimestamp();
        }

        internal void Rung()
        {
            Volatile.Write(ref _rungAt, Stopwatch.GetTimestamp());
            Interlocked.Increment(ref _rings);
        }

        internal void Sync()
        {
            while (Volatile.Read(ref _rings) == _before)
            {
                Thread.Yield();
            }

            _samples[_taken++] = Stopwatch.GetElapsedTime(_armedAt, Volatile.Read(ref _rungAt)).TotalMicroseconds;
        }
    }

    private sealed class ActionDevice(Action onWrite) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data) => onWrite();
    }
}
