using HvSdk.Live;
using HvSdk.Live.Behaviours;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The conformance suite over the stand-in, and the table in docs/backends.md of what it has seen.</summary>
public sealed class ConformanceTests(StandIn standIn) : IClassFixture<StandIn>
{
    private const string Suite = "HvSdk.Conformance.Tests";

    // The platform lets one partition of a process have memory. Without this, what needs two (state that moves) would not be seen at all.
    private static readonly StandInSuite s_run = SuiteRun.With(("MANY_PARTITIONS", "1"));

    [Fact]
    public async Task ConformanceSuite_OverStandIn_PassesWhole()
    {
        standIn.RequireKvm();
        await s_run.PassAsync(Suite, Suite, "whp");
        BehaviourTable.Check(BehaviourColumn.Whp, s_run.ReportOf(Suite));
    }
}
