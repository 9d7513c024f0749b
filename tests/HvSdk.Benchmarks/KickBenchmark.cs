using System.Diagnostics;
using System.Globalization;

namespace HvSdk.Benchmarks;

/// <summary>From <see cref="Vcpu.Cancel"/> to the return of the run, while another thread allocates without end.</summary>
internal sealed class KickBenchmark(Hypervisor hypervisor, string peerPath, bool quick) : IDisposable
{
    private const int Million = 1_000_000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly TimeSpan _limit = quick ? TimeSpan.FromSeconds(15) : TimeSpan.MaxValue;
    private int _kicks = quick ? Million / 20 : Million;
    // Waited for without spinning: on a machine with few processors a spinning kicker takes the processor from the thread that it waits for.
    private readonly AutoResetEvent _returned = new(false);
    private readonly AutoResetEvent _ready = new(false);
    private volatile bool _stop;
    private long _returnedAt;
    private long _returns;
    private Vcpu? _vcpu;

    internal IEnumerable<Result> Run()
    {
        var runner = new Thread(RunVcpu) { IsBackground = true, Name = "kicked vCPU" };
        var allocator = new Thread(Allocate) { IsBackground = true, Name = "allocator" };
        runner.Start();
        _ready.WaitOne();
        allocator.Start();
        int collections = GC.CollectionCount(0);
        TimeSpan pauses = GC.GetTotalPauseDuration();
        (double[] latencies, int lost) = KickAll();
        collections = GC.CollectionCount(0) - collections;
        pauses = GC.GetTotalPauseDuration() - pauses;
        _stop = true;
        _vcpu!.Cancel();
        runner.Join();
        allocator.Join();

        Array.Sort(latencies);
        using var peer = new Peer(peerPath);
        double[] native = Array.ConvertAll(peer.Ask($"kick {_kicks / 10} {Guests.Hex(Guests.Spin)}"), static time => time / 1000.0);
        string scaled = quick ? $", scaled from {_kicks}" : "";
        yield return new Result("kick-p99-us", At(0.99), "us", Relation.Below, 1000, string.Create(
            CultureInfo.InvariantCulture,
            $"median {At(0.5):F1} us, p99.9 {At(0.999):F0} us, most {latencies[^1]:F0} us; {_kicks} kicks, {collections} garbage collections of {pauses.TotalMicroseconds / collections:F0} us meanwhile; in C beside malloc and free: median {native[0]:F1} us, p99 {native[1]:F0} us"));
        yield return new Result("kicks-lost", lost * (Million / (double)_kicks), "of 1000000", Relation.Exactly, 0, string.Create(
            CultureInfo.InvariantCulture, $"lost: no return within {s_patience.TotalSeconds} s{scaled}; the run returned {_returns} times for {_kicks} kicks"));

        double At(double quantile) => latencies[(int)((latencies.Length - 1) * quantile)];
    }

    public void Dispose()
    {
        _returned.Dispose();
        _ready.Dispose();
    }

    private (double[] Latencies, int Lost) KickAll()
    {
        double[] latencies = new double[_kicks];
        var random = new Random(1);
        int lost = 0;
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < _kicks; i++)
        {
            if (Stopwatch.GetElapsedTime(begin) > _limit)
            {
                _kicks = i;
                return (latencies[..i], lost);
            }

            // So that kicks come before the entry, within it, and while the guest runs.
            Thread.SpinWait(random.Next(400));
            long start = Stopwatch.GetTimestamp();
            _vcpu!.Cancel();
            if (_returned.WaitOne(s_patience))
            {
                latencies[i] = Stopwatch.GetElapsedTime(start, Volatile.Read(ref _returnedAt)).TotalMicroseconds;
            }
            else
            {
                lost++;
                latencies[i] = s_patience.TotalMicroseconds;
            }
        }

        return (latencies, lost);
    }

    private void RunVcpu()
    {
        using Partition partition = hypervisor.CreatePartition();
        partition.Memory.Map(0, Guests.SmallRam);
        using Vcpu vcpu = partition.CreateVcpu(0);
        Guests.Spin.LoadInto(partition.Memory);
        Guests.Spin.Start(vcpu);
        _vcpu = vcpu;
        _ready.Set();
        while (true)
        {
            VcpuExit exit = vcpu.Run();
            Volatile.Write(ref _returnedAt, Stopwatch.GetTimestamp());
            if (exit.Kind != VcpuExitKind.Canceled)
            {
                exit.ThrowUnexpected();
            }

            if (_stop)
            {
                return;
            }

            _returns++;
            _returned.Set();
        }
    }

    /// <summary>Garbage of all sizes, some of which lives for a while.</summary>
    private void Allocate()
    {
        byte[][] alive = new byte[100][];
        var random = new Random(2);
        while (!_stop)
        {
            alive[random.Next(alive.Length)] = new byte[random.Next(16, 1024)];
        }
    }
}
