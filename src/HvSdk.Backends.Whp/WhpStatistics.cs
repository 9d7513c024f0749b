using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>The platform's counters: sets of 64-bit numbers, in the order of the header's structures.</summary>
internal static unsafe class WhpStatistics
{
    private const int MaxCounters = 32;

    /// <summary>WHV_PARTITION_MEMORY_COUNTERS.</summary>
    internal static string[] Memory { get; } = ["Mapped4KPageCount", "Mapped2MPageCount", "Mapped1GPageCount"];

    /// <summary>WHV_PROCESSOR_RUNTIME_COUNTERS.</summary>
    internal static string[] Runtime { get; } = ["TotalRuntime100ns", "HypervisorRuntime100ns"];

    /// <summary>WHV_PROCESSOR_INTERCEPT_COUNTERS: a count and a time of each.</summary>
    internal static string[] Intercepts { get; } =
    [
        .. new[]
        {
            "PageInvalidations", "ControlRegisterAccesses", "IoInstructions", "HaltInstructions", "CpuidInstructions", "MsrAccesses", "OtherIntercepts",
            "PendingInterrupts", "EmulatedInstructions", "DebugRegisterAccesses", "PageFaultIntercepts", "NestedPageFaultIntercepts", "Hypercalls",
            "RdpmcInstructions",
        }.SelectMany(static name => new[] { $"{name}.Count", $"{name}.Time100ns" }),
    ];

    /// <summary>WHV_PROCESSOR_EVENT_COUNTERS.</summary>
    internal static string[] Events { get; } = ["PageFaultCount", "ExceptionCount", "InterruptCount"];

    /// <summary>WHV_PROCESSOR_APIC_COUNTERS.</summary>
    internal static string[] Apic { get; } = ["MmioAccessCount", "EoiAccessCount", "TprAccessCount", "SentIpiCount", "SelfIpiCount"];

    internal static IReadOnlyList<HostStatistic> Read(WhvPartition partition)
    {
        ulong* buffer = stackalloc ulong[MaxCounters];
        uint written = 0;
        var statistics = new List<HostStatistic>();
        int result = partition.Functions.WHvGetPartitionCounters(
            partition.Number, WHV_PARTITION_COUNTER_SET.WHvPartitionCounterSetMemory, buffer, MaxCounters * sizeof(ulong), &written);
        WhpError.Check(result, nameof(WhvFunctions.WHvGetPartitionCounters));
        Add(statistics, Memory, new ReadOnlySpan<ulong>(buffer, MaxCounters), written);
        return statistics;
    }

    /// <summary>All sets that this Windows knows.</summary>
    internal static IReadOnlyList<HostStatistic> Read(WhvPartition partition, uint vcpu)
    {
        ReadOnlySpan<(WHV_PROCESSOR_COUNTER_SET Set, string[] Names)> sets =
        [
            (WHV_PROCESSOR_COUNTER_SET.WHvProcessorCounterSetRuntime, Runtime),
            (WHV_PROCESSOR_COUNTER_SET.WHvProcessorCounterSetIntercepts, Intercepts),
            (WHV_PROCESSOR_COUNTER_SET.WHvProcessorCounterSetEvents, Events),
            (WHV_PROCESSOR_COUNTER_SET.WHvProcessorCounterSetApic, Apic),
        ];
        ulong* buffer = stackalloc ulong[MaxCounters];
        var statistics = new List<HostStatistic>();
        foreach ((WHV_PROCESSOR_COUNTER_SET set, string[] names) in sets)
        {
            uint written = 0;
            int result = partition.Functions.WHvGetVirtualProcessorCounters(partition.Number, vcpu, set, buffer, MaxCounters * sizeof(ulong), &written);
            if (result >= 0)
            {
                Add(statistics, names, new ReadOnlySpan<ulong>(buffer, MaxCounters), written);
            }
        }

        return statistics;
    }

    private static void Add(List<HostStatistic> statistics, string[] names, ReadOnlySpan<ulong> values, uint written)
    {
        for (int i = 0; i < names.Length && i < written / sizeof(ulong); i++)
        {
            bool isTime = names[i].EndsWith("100ns", StringComparison.Ordinal);
            statistics.Add(new HostStatistic(names[i], [values[i]], isTime ? "seconds" : "", isTime ? -7 : 0, 10));
        }
    }
}
