using System.Diagnostics;
using System.Globalization;
using HvSdk.Testing;

namespace HvSdk.Benchmarks;

/// <summary>An exit and back: run loop, bus of fifty ranges and device, against a loop and a switch in C.</summary>
internal sealed class ExitBenchmark(Hypervisor hypervisor, string peerPath, bool quick)
{
    private const int ExitsPerBatch = 256;

    internal Result Ports() => Measure("exit-port-ratio", Guests.Ports(ExitsPerBatch));

    internal Result Mmio() => Measure("exit-mmio-ratio", Guests.Mmio(ExitsPerBatch));

    private Result Measure(string name, GuestProgram guest)
    {
        using var peer = new Peer(peerPath);
        peer.Ask($"exits {Guests.Hex(guest)}");

        using Partition partition = hypervisor.CreatePartition();
        partition.Memory.Map(0, Guests.SmallRam);
        Buses.Fill(partition);
        using Vcpu vcpu = partition.CreateVcpu(0);
        guest.LoadInto(partition.Memory);
        guest.Start(vcpu);

        Comparison comparison = Sampling.Alternate(
            quick ? 40 : 100, quick ? 400 : 3000, () => peer.Ask("run")[0] / (double)ExitsPerBatch, () => Run(vcpu));
        if (vcpu.Statistics.UnhandledReads + vcpu.Statistics.UnhandledWrites != 0)
        {
            throw new InvalidOperationException("The guest missed its device.");
        }

        (double low, double high) = comparison.Spread;
        return new Result(name, comparison.Ratio, "ratio", Relation.AtMost, 1.03, string.Create(
            CultureInfo.InvariantCulture,
            $"{comparison.NativeMedian:F0} ns in C, {comparison.ManagedMedian:F0} ns; middle half of {comparison.Native.Length} pairs {low:F3} to {high:F3}"));
    }

    private static double Run(Vcpu vcpu)
    {
        long start = Stopwatch.GetTimestamp();
        VcpuExit exit = vcpu.Run();
        long end = Stopwatch.GetTimestamp();
        if (exit.Kind != VcpuExitKind.Halt)
        {
            exit.ThrowUnexpected();
        }

        return (end - start) * (1e9 / Stopwatch.Frequency) / ExitsPerBatch;
    }
}
