using System.Diagnostics;
using System.Globalization;
using HvSdk.Backends.Kvm;

namespace HvSdk.Benchmarks;

/// <summary>Memory of the process per live, idle partition, beyond what the same costs a C program. In processes of their own, so that nothing else is counted.</summary>
internal sealed class MemoryBenchmark(string peerPath)
{
    private const int Count = 1000;
    private const int WarmUps = 30;
    private const ulong RamSize = 2UL << 20;

    internal Result Run()
    {
        using var peer = new Peer(peerPath);
        peer.Ask($"idle {WarmUps} {Guests.Hex(Guests.OneExit)}");
        double native = peer.Ask($"idle {Count} {Guests.Hex(Guests.OneExit)}")[0] / (double)Count;
        double[] managed = Array.ConvertAll(RunWorker(), static kilobytes => kilobytes / (double)Count);
        return new Result("rss-per-partition-kib", managed[0] - native, "KiB", Relation.AtMost, 16, string.Create(
            CultureInfo.InvariantCulture,
            $"{native:F1} KiB in C, {managed[0]:F1} KiB (PSS {managed[1]:F1}) once garbage is collected, {managed[2]:F1} KiB before; " +
            $"{managed[3] * 1024:F0} bytes on the managed heap; {Count} partitions with a vCPU, the interrupt chips and {RamSize >> 20} MiB, after an exit"));
    }

    /// <summary>The worker's part: prints RSS and PSS of so many partitions, RSS before the garbage was collected, and their managed heap, in KiB.</summary>
    internal static void MakeIdle(int count)
    {
        using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
        foreach (Live live in Enumerable.Range(0, WarmUps).Select(_ => new Live(hypervisor)).ToArray())
        {
            live.Dispose();
        }

        (long rss, long pss) = Settle();
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        var lives = new Live[count];
        for (int i = 0; i < count; i++)
        {
            lives[i] = new Live(hypervisor);
        }

        (long rssAtOnce, _) = ReadMemory();
        (long rssAfter, long pssAfter) = Settle();
        heap = GC.GetTotalMemory(forceFullCollection: true) - heap;
        foreach (Live live in lives)
        {
            live.Dispose();
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rssAfter - rss} {pssAfter - pss} {rssAtOnce - rss} {heap / 1024}"));
    }

    /// <summary>Collects until the memory of the process stays: the runtime gives memory back a while after it has collected.</summary>
    private static (long Rss, long Pss) Settle()
    {
        const int most = 30;
        const long still = 64;
        long before = long.MaxValue;
        for (int i = 0; ; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            (long rss, long pss) = ReadMemory();
            if (i == most || long.Abs(before - rss) < still)
            {
                return (rss, pss);
            }

            before = rss;
            Thread.Sleep(200);
        }
    }

    private static (long Rss, long Pss) ReadMemory()
    {
        long rss = 0;
        long pss = 0;
        foreach (string line in File.ReadLines("/proc/self/smaps_rollup"))
        {
            string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts[0] == "Rss:")
            {
                rss = long.Parse(parts[1], CultureInfo.InvariantCulture);
            }
            else if (parts[0] == "Pss:")
            {
                pss = long.Parse(parts[1], CultureInfo.InvariantCulture);
            }
        }

        return (rss, pss);
    }

    private static long[] RunWorker()
    {
        string assembly = Path.Combine(AppContext.BaseDirectory, "HvSdk.Benchmarks.dll");
        string[] arguments = ["--idle-partitions", Count.ToString(CultureInfo.InvariantCulture)];
        bool underDotnet = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        var start = new ProcessStartInfo(Environment.ProcessPath!, underDotnet ? [assembly, .. arguments] : arguments)
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using Process worker = Process.Start(start) ?? throw new InvalidOperationException("The worker did not start.");
        string output = worker.StandardOutput.ReadToEnd();
        worker.WaitForExit();
        return worker.ExitCode == 0
            ? Array.ConvertAll(output.Trim().Split(' '), static number => long.Parse(number, CultureInfo.InvariantCulture))
            : throw new InvalidOperationException($"The worker ended with {worker.ExitCode}.");
    }

    private sealed class Live : IDisposable
    {
        private readonly Partition _partition;
        private readonly Vcpu _vcpu;

        internal Live(Hypervisor hypervisor)
        {
            _partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
            _partition.Memory.Map(0, RamSize);
            _vcpu = _partition.CreateVcpu(0);
            Guests.OneExit.LoadInto(_partition.Memory);
            Guests.OneExit.Start(_vcpu);
            _vcpu.RunOnce();
        }

        public void Dispose()
        {
            _vcpu.Dispose();
            _partition.Dispose();
        }
    }
}
