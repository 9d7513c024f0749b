using System.Diagnostics;

namespace HvSdk.Diagnostics;

/// <summary>The activity source "HvSdk": creation of partitions, and runs with a handler or the buses. Free of cost when nobody listens.</summary>
internal static class HvSdkActivities
{
    internal static ActivitySource Source { get; } = new("HvSdk");

    internal static Activity? StartRun(Vcpu vcpu)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        Activity? activity = Source.StartActivity("hvsdk.vcpu.run");
        activity?.SetTag("hvsdk.partition", vcpu.Partition.Name);
        activity?.SetTag("hvsdk.vcpu.index", vcpu.Index);
        return activity;
    }
}
