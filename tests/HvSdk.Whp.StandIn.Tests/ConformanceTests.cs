namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The conformance suite over the stand-in.</summary>
public sealed class ConformanceTests(StandIn standIn) : IClassFixture<StandIn>
{
    // The platform lets one partition of a process have memory. Without this, what needs two (state that moves) would not be seen at all.
    private static readonly Dictionary<string, string> s_switches = new() { ["MANY_PARTITIONS"] = "1" };

    [Fact]
    public async Task ConformanceSuite_OverStandIn_PassesWhole()
    {
        standIn.RequireKvm();
        await SuiteRun.PassAsync("HvSdk.Conformance.Tests", "HvSdk.Conformance.Tests", "whp", s_switches);
    }
}
