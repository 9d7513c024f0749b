using System.Diagnostics;
using Xunit;

namespace HvSdk.Live;

/// <summary>Runs a test project's tests on a backend as it is, over its stand-in, in a process of its own.</summary>
/// <param name="Backend">The backend, as HVSDK_BACKEND names it.</param>
/// <param name="Variables">What tells the process of the stand-in, and of its switches.</param>
public sealed record StandInSuite(string Backend, IReadOnlyDictionary<string, string> Variables)
{
    // Minutes on a quiet machine; a limit is for a suite that hangs.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(25);

    private static string Results { get; } = Path.Combine(SourceTree.Root, "artifacts", "nested-results");

    /// <summary>Where the report of a run lies.</summary>
    /// <param name="name">What it is called.</param>
    public string ReportOf(string name) => Path.Combine(Results, $"{name}.{Backend}.xml");

    /// <summary>Runs tests, and fails unless all of them pass or are not possible on the platform.</summary>
    /// <param name="suite">The project.</param>
    /// <param name="name">What the report is called.</param>
    /// <param name="required">What must not be skipped, for HVSDK_REQUIRE.</param>
    /// <param name="arguments">Which tests; none: all.</param>
    /// <returns>What came out.</returns>
    public async Task<SuiteReport> PassAsync(string suite, string name, string required, params IEnumerable<string> arguments)
    {
        Directory.CreateDirectory(Results);
        string report = ReportOf(name);
        File.Delete(report);
        var start = new ProcessStartInfo("dotnet", [
            "exec", Path.Combine(SourceTree.OutputOf(suite), $"{suite}.dll"), "--no-ansi", "--no-progress", "--parallel", "none",
            "--results-directory", Results, "--report-xunit", "--report-xunit-filename", Path.GetFileName(report), .. arguments,
        ]);
        start.Environment["HVSDK_BACKEND"] = Backend;
        start.Environment["HVSDK_REQUIRE"] = required;
        foreach ((string key, string value) in Variables)
        {
            start.Environment[key] = value;
        }

        CommandResult result = await Command.RunAsync(start, s_limit).ConfigureAwait(false);

        Assert.True(File.Exists(report), $"The suite left no report.{Environment.NewLine}{result}");
        var outcome = SuiteReport.Load(report);
        outcome.WriteCounts(Path.Combine(Results, $"{name}.{Backend}.counts"));
        TestContext.Current.TestOutputHelper?.WriteLine($"Over the stand-in: {outcome}");
        string[] troubles = [.. outcome.Failures, .. outcome.Skips];
        Assert.True(troubles.Length == 0, $"{outcome}{Environment.NewLine}{string.Join(Environment.NewLine, troubles)}");
        Assert.True(outcome.Passed > 0, "No test ran over the stand-in.");
        return outcome;
    }
}
