using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace HvSdk.Diagnostics;

/// <summary>
/// The meter "HvSdk". vCPUs count in fields of their own, which nobody else writes; the instruments add them up when somebody looks. So counting
/// costs an increment, and listening costs the guest nothing.
/// </summary>
internal static class HvSdkMetrics
{
    private static readonly Meter s_meter = new("HvSdk");
    private static readonly ConditionalWeakTable<Partition, object?> s_partitions = [];
    private static readonly object s_gate = new();
    private static readonly long[] s_retiredExits = new long[KindCount];
    private static readonly KeyValuePair<string, object?>[] s_kindTags = MakeKindTags();
    private static long s_retiredKicks;
    private static long s_retiredUnhandledReads;
    private static long s_retiredUnhandledWrites;

    static HvSdkMetrics()
    {
        s_meter.CreateObservableCounter("hvsdk.vcpu.exits", ReadExits, "{exit}", "Exits of all vCPUs, by kind.");
        s_meter.CreateObservableCounter(
            "hvsdk.vcpu.kicks", static () => Sum(static x => x.Kicks, ref s_retiredKicks), "{kick}", "Requests to leave the guest.");
        s_meter.CreateObservableCounter("hvsdk.bus.unhandled", ReadUnhandled, "{access}", "Accesses that no device took, by direction.");
        s_meter.CreateObservableUpDownCounter("hvsdk.partitions", static () => s_partitions.Count(), "{partition}", "Partitions that exist.");
    }

    private static int KindCount => (int)VcpuExitKind.HostFailure + 1;

    internal static void Add(Partition partition) => s_partitions.Add(partition, null);

    internal static void Remove(Partition partition) => s_partitions.Remove(partition);

    /// <summary>Keeps what a vCPU has counted when it goes; whoever reads meanwhile counts it once.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="remove">Takes it out of its partition.</param>
    internal static void Retire(Vcpu vcpu, Action remove)
    {
        VcpuStatistics statistics = vcpu.Statistics;
        lock (s_gate)
        {
            for (int kind = 0; kind < KindCount; kind++)
            {
                s_retiredExits[kind] += statistics.ExitsOf((VcpuExitKind)kind);
            }

            s_retiredKicks += statistics.Kicks;
            s_retiredUnhandledReads += statistics.UnhandledReads;
            s_retiredUnhandledWrites += statistics.UnhandledWrites;
            remove();
        }
    }

    private static IEnumerable<Measurement<long>> ReadExits()
    {
        for (int kind = 0; kind < KindCount; kind++)
        {
            long count = Sum(statistics => statistics.ExitsOf((VcpuExitKind)kind), ref s_retiredExits[kind]);
            if (count > 0)
            {
                yield return new Measurement<long>(count, s_kindTags[kind]);
            }
        }
    }

    private static Measurement<long>[] ReadUnhandled() =>
    [
        new(Sum(static x => x.UnhandledReads, ref s_retiredUnhandledReads), new KeyValuePair<string, object?>("direction", "read")),
        new(Sum(static x => x.UnhandledWrites, ref s_retiredUnhandledWrites), new KeyValuePair<string, object?>("direction", "write")),
    ];

    private static long Sum(Func<VcpuStatistics, long> value, ref long retired)
    {
        lock (s_gate)
        {
            long sum = retired;
            foreach (KeyValuePair<Partition, object?> partition in s_partitions)
            {
                foreach (Vcpu vcpu in partition.Key.Vcpus)
                {
                    sum += value(vcpu.Statistics);
                }
            }

            return sum;
        }
    }

    private static KeyValuePair<string, object?>[] MakeKindTags()
    {
        var tags = new KeyValuePair<string, object?>[KindCount];
        for (int kind = 0; kind < KindCount; kind++)
        {
            tags[kind] = new("kind", ((VcpuExitKind)kind).ToString());
        }

        return tags;
    }
}
