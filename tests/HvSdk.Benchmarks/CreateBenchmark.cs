using System.Diagnostics;
using System.Globalization;

namespace HvSdk.Benchmarks;

/// <summary>A partition's whole life: 64 MiB, the in-kernel chips, a vCPU, its first exit, and away with it; against the same in C.</summary>
internal sealed class CreateBenchmark(Hypervisor hypervisor, string peerPath, bool quick)
{
    private const ulong RamSize = 64UL << 20;
    private const int LivesPerBatch = 2;

    internal Result Run()
    {
        using var peer = new Peer(peerPath);
        string command = $"create {LivesPerBatch} {Guests.Hex(Guests.OneExit)}";
        var nativeUntilExit = new List<double>();
        var managedUntilExit = new List<double>();
        Comparison whole = Sampling.Alternate(quick ? 15 : 40, quick ? 60 : 500, RunNative, RunManaged);
        var untilExit = new Comparison([.. nativeUntilExit], [.. managedUntilExit]);
        (double low, double high) = whole.Spread;

        // The kernel locks each mapping of the process when it makes a virtual machine, and a runtime has many.
        int mappings = File.ReadLines("/proc/self/maps").Count();
        peer.Ask($"map {mappings}");
        nativeUntilExit.Clear();
        managedUntilExit.Clear();
        Sampling.Alternate(quick ? 5 : 20, quick ? 30 : 200, RunNative, RunManaged);
        var crowded = new Comparison([.. nativeUntilExit], [.. managedUntilExit]);
        return new Result("create-ratio", whole.Ratio, "ratio", Relation.AtMost, 1.10, string.Create(
            CultureInfo.InvariantCulture,
            $"{whole.NativeMedian:F0} us in C, {whole.ManagedMedian:F0} us; middle half of {whole.Native.Length} pairs {low:F3} to {high:F3}; " +
            $"without the disposal, in which the kernel waits, {untilExit.Ratio:F3} ({untilExit.NativeMedian:F0} us in C, {untilExit.ManagedMedian:F0} us), " +
            $"and {crowded.Ratio:F3} ({crowded.NativeMedian:F0} us in C) where the C program has {mappings} mappings as this process has"));

        double RunNative()
        {
            long[] times = peer.Ask(command);
            nativeUntilExit.Add(times[1] / 1000.0 / LivesPerBatch);
            return times[0] / 1000.0 / LivesPerBatch;
        }

        double RunManaged()
        {
            long start = Stopwatch.GetTimestamp();
            TimeSpan untilExit = TimeSpan.Zero;
            for (int i = 0; i < LivesPerBatch; i++)
            {
                untilExit += LiveOnce();
            }

            managedUntilExit.Add(untilExit.TotalMicroseconds / LivesPerBatch);
            return Stopwatch.GetElapsedTime(start).TotalMicroseconds / LivesPerBatch;
        }
    }

    private TimeSpan LiveOnce()
    {
        long start = Stopwatch.GetTimestamp();
        using Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
        partition.Memory.Map(0, RamSize);
        using Vcpu vcpu = partition.CreateVcpu(0);
        Guests.OneExit.LoadInto(partition.Memory);
        Guests.OneExit.Start(vcpu);
        VcpuExit exit = vcpu.RunOnce();
        if (exit.Kind != VcpuExitKind.PortWrite)
        {
            exit.ThrowUnexpected();
        }

        return Stopwatch.GetElapsedTime(start);
    }
}
