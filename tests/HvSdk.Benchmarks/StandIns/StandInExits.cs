using System.Diagnostics;
using System.Globalization;

namespace HvSdk.Benchmarks.StandIns;

/// <summary>One guest over a stand-in, by the C program and by HvSdk in turn: the ratio, and what HvSdk allocates.</summary>
internal static class StandInExits
{
    /// <param name="name">Name of the result.</param>
    /// <param name="relation">What the ratio is compared by.</param>
    /// <param name="standIn">The stand-in.</param>
    /// <param name="code">The guest's code, which ends each batch by leaving.</param>
    /// <param name="vcpu">The vCPU, which stands at its first instruction.</param>
    /// <param name="exits">Exits in a batch.</param>
    /// <param name="end">How a batch ends.</param>
    /// <param name="batches">Batches of each side.</param>
    internal static IEnumerable<Result> Measure(string name, Relation relation, StandIn standIn, ReadOnlyMemory<byte> code, Vcpu vcpu, int exits, VcpuExitKind end, int batches)
    {
        using Peer peer = standIn.StartPeer();
        peer.Ask($"exits {Convert.ToHexString(code.Span)}");
        int managedBatches = 0;
        long counted = 0;
        long bytes = 0;

        // The compiler's second thoughts about a method cost a few bytes once: the first quarter is not counted.
        Comparison comparison = Sampling.Alternate(batches / 4, batches, () => peer.Ask("run")[0] / (double)exits, () =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            double time = Run(vcpu, exits, end);
            if (++managedBatches > batches / 2)
            {
                bytes += GC.GetAllocatedBytesForCurrentThread() - before;
                counted += exits;
            }

            return time;
        });
        if (vcpu.Statistics.UnhandledReads + vcpu.Statistics.UnhandledWrites != 0)
        {
            throw new InvalidOperationException("The guest missed its device.");
        }

        (double low, double high) = comparison.Spread;
        yield return new Result($"{name}-ratio", comparison.Ratio, "ratio", relation, 1.05, string.Create(
            CultureInfo.InvariantCulture,
            $"{comparison.NativeMedian:F0} ns in C, {comparison.ManagedMedian:F0} ns ({comparison.ManagedMedian / comparison.NativeMedian:F3}); middle half of {batches} pairs {low:F3} to {high:F3}"));
        yield return new Result($"{name}-bytes-per-exit", bytes / (double)counted, "bytes", Relation.Exactly, 0, $"{bytes} bytes over {counted} exits");
    }

    private static double Run(Vcpu vcpu, int exits, VcpuExitKind end)
    {
        long start = Stopwatch.GetTimestamp();
        VcpuExit exit = vcpu.Run();
        long stop = Stopwatch.GetTimestamp();
        if (exit.Kind != end)
        {
            exit.ThrowUnexpected();
        }

        return (stop - start) * (1e9 / Stopwatch.Frequency) / exits;
    }
}
