using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace HvSdk.Diagnostics;

/// <summary>
/// The meter "HvSdk". vCPUs count in numbers of their own, which nobody else writes; the instruments add them up when somebody looks. So counting
/// costs an increment, and listening costs the guest nothing. What is counted never falls: a vCPU's numbers (<see cref="VcpuCounters"/>) are either
/// among those of the living or in the sum of those that have gone.
/// </summary>
internal static class HvSdkMetrics
{
    private static readonly Meter s_meter = new("HvSdk");
    private static readonly ConditionalWeakTable<Partition, object?> s_partitions = [];
    private static readonly object s_gate = new();
    private static readonly HashSet<long[]> s_living = [];
    private static readonly long[] s_retired = new long[VcpuCounters.Count];
    private static readonly KeyValuePair<string, object?>[] s_kindTags = MakeKindTags();

    static HvSdkMetrics()
    {
        s_meter.CreateObservableCounter("hvsdk.vcpu.exits", ReadExits, "{exit}", "Exits of all vCPUs, by kind.");
        s_meter.CreateObservableCounter("hvsdk.vcpu.kicks", static () => Sum(VcpuCounters.Kicks), "{kick}", "Requests to leave the guest.");
        s_meter.CreateObservableCounter("hvsdk.bus.unhandled", ReadUnhandled, "{access}", "Accesses that no device took, by direction.");
        s_meter.CreateObservableUpDownCounter("hvsdk.partitions", static () => s_partitions.Count(), "{partition}", "Partitions that exist.");
    }

    internal static void Add(Partition partition) => s_partitions.Add(partition, null);

    internal static void Remove(Partition partition) => s_partitions.Remove(partition);

    /// <summary>A vCPU's numbers are added up from now on.</summary>
    /// <param name="numbers">The numbers, as <see cref="VcpuCounters"/> orders them. The vCPU goes on writing them.</param>
    internal static void Add(long[] numbers)
    {
        lock (s_gate)
        {
            s_living.Add(numbers);
        }
    }

    /// <summary>Keeps what a vCPU has counted when it goes; whoever reads meanwhile counts it once. Again: nothing happens.</summary>
    /// <param name="numbers">Its numbers. What they still grow by is not counted.</param>
    internal static void Retire(long[] numbers)
    {
        lock (s_gate)
        {
            if (!s_living.Remove(numbers))
            {
                return;
            }

            for (int i = 0; i < numbers.Length; i++)
            {
                s_retired[i] += numbers[i];
            }
        }
    }

    private static IEnumerable<Measurement<long>> ReadExits()
    {
        for (int kind = 0; kind < VcpuCounters.KindCount; kind++)
        {
            long count = Sum(kind);
            if (count > 0)
            {
                yield return new Measurement<long>(count, s_kindTags[kind]);
            }
        }
    }

    private static Measurement<long>[] ReadUnhandled() =>
    [
        new(Sum(VcpuCounters.UnhandledReads), new KeyValuePair<string, object?>("direction", "read")),
        new(Sum(VcpuCounters.UnhandledWrites), new KeyValuePair<string, object?>("direction", "write")),
    ];

    private static long Sum(int number)
    {
        lock (s_gate)
        {
            long sum = s_retired[number];
            foreach (long[] numbers in s_living)
            {
                sum += Volatile.Read(ref numbers[number]);
            }

            return sum;
        }
    }

    private static KeyValuePair<string, object?>[] MakeKindTags()
    {
        var tags = new KeyValuePair<string, object?>[VcpuCounters.KindCount];
        for (int kind = 0; kind < tags.Length; kind++)
        {
            tags[kind] = new("kind", ((VcpuExitKind)kind).ToString());
        }

        return tags;
    }
}
