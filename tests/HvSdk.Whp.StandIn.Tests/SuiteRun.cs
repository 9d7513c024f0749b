using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>Runs a test project's tests on the WHP backend as it is, over the stand-in, in a process of its own.</summary>
internal static class SuiteRun
{
    // Half a minute on a quiet machine; a limit is for a suite that hangs.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(15);

    /// <summary>Where the report of a run lies.</summary>
    internal static string ReportOf(string name) => Path.Combine(SourceTree.Root, "artifacts", "nested-results", $"{name}.whp.xml");

    /// <summary>Runs tests, and fails unless all of them pass or are not possible on the platform.</summary>
    /// <param name="suite">The project.</param>
    /// <param name="name">What the report is called.</param>
    /// <param name="required">What must not be skipped, for HVSDK_REQUIRE.</param>
    /// <param name="switches">Switches of the stand-in.</param>
    /// <param name="arguments">Which tests; none: all.</param>
    /// <returns>What came out.</returns>
    internal static async Task<SuiteReport> PassAsync(
        string suite, string name, string required, IReadOnlyDictionary<string, string>? switches = null, params IEnumerable<string> arguments)
    {
        string results = Path.Combine(SourceTree.Root, "artifacts", "nested-results");
        Directory.CreateDirectory(results);
        string report = ReportOf(name);
        File.Delete(report);
        var start = new ProcessStartInfo("dotnet", [
            "exec", Path.Combine(SourceTree.OutputOf(suite), $"{suite}.dll"), "--no-ansi", "--no-progress", "--parallel", "none",
            "--results-directory", results, "--report-xunit", "--report-xunit-filename", Path.GetFileName(report), .. arguments,
        ]);
        start.Environment["HVSDK_BACKEND"] = "whp";
        start.Environment["HVSDK_WHP_LIBRARY"] = Path.Combine(StandIn.Output, "linux", "libWinHvPlatform.so");
        start.Environment["HVSDK_REQUIRE"] = required;
        foreach ((string key, string value) in switches ?? new Dictionary<string, string>())
        {
            start.Environment[$"HVSDK_WHP_STANDIN_{key}"] = value;
        }

        CommandResult result = await Command.RunAsync(start, s_limit);

        Assert.True(File.Exists(report), $"The suite left no report.{Environment.NewLine}{result}");
        var outcome = SuiteReport.Load(report);
        outcome.WriteCounts(Path.Combine(results, $"{name}.whp.counts"));
        TestContext.Current.TestOutputHelper?.WriteLine($"Over the stand-in: {outcome}");
        string[] troubles = [.. outcome.Failures, .. outcome.Skips];
        Assert.True(troubles.Length == 0, $"{outcome}{Environment.NewLine}{string.Join(Environment.NewLine, troubles)}");
        Assert.True(outcome.Passed > 0, "No test ran over the stand-in.");
        return outcome;
    }
}
