using HvSdk.Live;
using HvSdk.Live.Behaviours;

namespace HvSdk.Hvf.StandIn.Tests;

/// <summary>The conformance suite over the stand-in, with guests of AArch64, and the table in docs/backends.md of what it has seen.</summary>
public sealed class ConformanceTests(StandIn standIn)
{
    private const string Suite = "HvSdk.Conformance.Tests";

    // An exit takes a hundred microseconds and more, since the guests' processor is emulated: what repeats itself does so less often than on real ones, and what is waited for may take longer.
    private static readonly Dictionary<string, string> s_variables = new()
    {
        ["HVSDK_HVF_LIBRARY"] = StandIn.Library,
        ["LD_PRELOAD"] = StandIn.MacPages,
        ["HVSDK_TEST_TIMEOUT_SECONDS"] = "120",
        ["HVSDK_KICKS"] = "1000",
        ["HVSDK_ROUNDS"] = "100",
        ["HVSDK_ALLOCATION_ROUNDS"] = "2000",
    };

    [Fact]
    public async Task ConformanceSuite_OverStandIn_PassesWhole()
    {
        standIn.Backend();
        var run = new StandInSuite("hvf", s_variables);
        await run.PassAsync(Suite, Suite, "hvf");
        BehaviourTable.Check(BehaviourColumn.Hvf, run.ReportOf(Suite));
    }

    /// <summary>Each fifth run of a vCPU ends though nobody asked (R-RUN-06): nobody above the backend may notice.</summary>
    [Fact]
    public async Task ConformanceSuite_OverStandInThatCancelsForNothing_PassesWhole()
    {
        standIn.Backend();
        var run = new StandInSuite("hvf", new Dictionary<string, string>(s_variables) { ["HVSDK_HVF_STANDIN_SPURIOUS_CANCELS"] = "5" });
        await run.PassAsync(Suite, $"{Suite}.canceled", "hvf");
    }
}
