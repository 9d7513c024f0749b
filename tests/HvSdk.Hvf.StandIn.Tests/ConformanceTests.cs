using HvSdk.Live;
using HvSdk.Live.Behaviours;

namespace HvSdk.Hvf.StandIn.Tests;

/// <summary>The conformance suite over the stand-in, with guests of AArch64, and the table in docs/backends.md of what it has seen.</summary>
public sealed class ConformanceTests(StandIn standIn)
{
    private const string Suite = "HvSdk.Conformance.Tests";

    // An exit takes a hundred microseconds and more, since the guests' processor is emulated: what repeats itself does so less often than on real ones, and what is waited for may take longer.
    private static readonly StandInSuite s_run = new("hvf", new Dictionary<string, string>
    {
        ["HVSDK_HVF_LIBRARY"] = StandIn.Library,
        ["LD_PRELOAD"] = StandIn.MacPages,
        ["HVSDK_TEST_TIMEOUT_SECONDS"] = "120",
        ["HVSDK_KICKS"] = "1000",
        ["HVSDK_ROUNDS"] = "100",
        ["HVSDK_ALLOCATION_ROUNDS"] = "2000",
    });

    [Fact]
    public async Task ConformanceSuite_OverStandIn_PassesWhole()
    {
        standIn.Backend();
        await s_run.PassAsync(Suite, Suite, "hvf");
        BehaviourTable.Check(BehaviourColumn.Hvf, s_run.ReportOf(Suite));
    }
}
