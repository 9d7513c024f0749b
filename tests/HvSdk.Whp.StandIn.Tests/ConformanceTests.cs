using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The conformance suite on the WHP backend as it is, over the stand-in, in a process of its own.</summary>
public sealed class ConformanceTests(StandIn standIn, ITestOutputHelper output) : IClassFixture<StandIn>
{
    private const string Suite = "HvSdk.Conformance.Tests";

    // Half a minute on a quiet machine; a limit is for a suite that hangs.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(15);

    [Fact]
    public async Task ConformanceSuite_OverStandIn_PassesWhole()
    {
        standIn.RequireKvm();
        string results = Path.Combine(SourceTree.Root, "artifacts", "nested-results");
        Directory.CreateDirectory(results);
        string report = Path.Combine(results, $"{Suite}.whp.xml");
        File.Delete(report);
        var start = new ProcessStartInfo("dotnet", [
            "exec", Path.Combine(SourceTree.OutputOf(Suite), $"{Suite}.dll"), "--no-ansi", "--no-progress", "--parallel", "none",
            "--results-directory", results, "--report-xunit", "--report-xunit-filename", Path.GetFileName(report),
        ])
        {
            Environment =
            {
                ["HVSDK_BACKEND"] = "whp",
                ["HVSDK_WHP_LIBRARY"] = Path.Combine(StandIn.Output, "linux", "libWinHvPlatform.so"),
                ["HVSDK_REQUIRE"] = "whp",

                // The platform lets one partition of a process have memory. Without this, what needs two (state that moves) would not be seen at all.
                ["HVSDK_WHP_STANDIN_MANY_PARTITIONS"] = "1",
            },
        };

        CommandResult result = await Command.RunAsync(start, s_limit);

        Assert.True(File.Exists(report), $"The suite left no report.{Environment.NewLine}{result}");
        var suite = SuiteReport.Load(report);
        suite.WriteCounts(Path.Combine(results, $"{Suite}.whp.counts"));
        output.WriteLine($"Over the stand-in: {suite}");
        string[] troubles = [.. suite.Failures, .. suite.Skips];
        Assert.True(troubles.Length == 0, $"{suite}{Environment.NewLine}{string.Join(Environment.NewLine, troubles)}");
        Assert.True(suite.Passed > 0, "No test ran over the stand-in.");
    }
}
