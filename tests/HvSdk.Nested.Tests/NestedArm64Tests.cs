using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using HvSdk.Live;
using HvSdk.Live.Behaviours;

namespace HvSdk.Nested.Tests;

/// <summary>What runs inside the machine of tests/nested-arm64: an emulated arm64 machine in which Linux has a true /dev/kvm.</summary>
public sealed partial class NestedArm64Tests(ITestOutputHelper output)
{
    private const string Tier = "nested-arm64";
    private const string Suite = "HvSdk.Backends.Kvm.Arm64";
    private const string ConformanceSuite = "HvSdk.Conformance.Tests";
    private const string Remedy = "Run tests/nested-arm64/install.sh (Debian and Ubuntu; it needs root or sudo), then this test again.";

    /// <summary>A minute, and a few for the conformance suite, on a quiet machine; the limit is for a machine that hangs.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(25);

    private static readonly string s_results = Path.Combine(SourceTree.Root, "artifacts", "nested-results");

    private static string Scripts => Path.Combine(SourceTree.Root, "tests", "nested-arm64");

    [Fact]
    public async Task KvmTests_OnArm64_PassWhole()
    {
        string application = await PublishAsync(Suite);
        string counts = PrepareFile($"{Suite}.counts");

        CommandResult run = await RunAsync([application, "--", $"/app/{Suite}", "-noColor"]);

        Match summary = Summary().Match(run.Output);
        Assert.True(summary.Success, $"The tests inside came to no end. {run}");
        int Number(string name) => int.Parse(summary.Groups[name].Value, CultureInfo.InvariantCulture);
        int failed = Number("errors") + Number("failed");
        File.WriteAllText(counts, string.Create(CultureInfo.InvariantCulture, $"{Number("total") - Number("failed") - Number("skipped")} {failed} {Number("skipped")}\n"));
        Assert.True(failed == 0 && Number("skipped") == 0 && Number("total") > 0 && run.ExitCode == 0, run.ToString());
    }

    /// <summary>The conformance suite with guests of AArch64, and the table in docs/backends.md of what it has seen.</summary>
    [Fact]
    public async Task ConformanceSuite_OnArm64_PassesWhole()
    {
        const string name = $"{ConformanceSuite}.kvm-arm64";
        string application = await PublishAsync(ConformanceSuite);
        string counts = PrepareFile($"{name}.counts");
        string report = PrepareFile($"{name}.xml");

        CommandResult run = await RunAsync(
            [
                application, "--results", s_results,

                // Processor and hypervisor are emulated: what repeats itself does so less often than elsewhere.
                "--env", "HVSDK_KICKS=200", "--env", "HVSDK_PARTITIONS=20", "--env", "HVSDK_ROUNDS=20", "--env", "HVSDK_ALLOCATION_ROUNDS=300", "--env", "HVSDK_ORDERS_STEP=29",
                "--env", "TESTINGPLATFORM_TELEMETRY_OPTOUT=1",
                "--", $"/app/{ConformanceSuite}", "--no-ansi", "--no-progress", "--parallel", "none",
                "--results-directory", "/results", "--report-xunit", "--report-xunit-filename", Path.GetFileName(report),
            ]);

        Assert.True(File.Exists(report), $"The tests inside left no report. {run}");
        var inner = SuiteReport.Load(report);
        inner.WriteCounts(counts);
        output.WriteLine($"Inside the arm64 machine: {inner}");
        string[] troubles = [.. inner.Failures, .. inner.Skips];
        Assert.True(troubles.Length == 0, $"{inner}{Environment.NewLine}{string.Join(Environment.NewLine, troubles)}");
        Assert.True(inner.Passed > 0 && run.ExitCode == 0, run.ToString());
        BehaviourTable.Check(BehaviourColumn.KvmArm64, report);
    }

    /// <summary>Builds the machine, and publishes a project for it.</summary>
    /// <returns>The folder of the application.</returns>
    private static async Task<string> PublishAsync(string project)
    {
        CommandResult built = await Command.RunAsync(new ProcessStartInfo("bash", [Path.Combine(Scripts, "build.sh")]), TimeSpan.FromMinutes(10));
        if (built.ExitCode != 0)
        {
            LiveHypervisor.SkipOrFail(Tier, $"The arm64 machine could not be built: {built.Output.Trim()} {Remedy}");
        }

        string application = Path.Combine(SourceTree.Root, "artifacts", "nested-arm64", project);
        CommandResult published = await DotnetCommand.RunAsync(
            SourceTree.Root, new Dictionary<string, string>(), "publish", $"tests/{project}", "-r", "linux-arm64", "--self-contained", "-o", application, "-v", "q", "-nologo", "-p:RunAnalyzers=false");
        Assert.True(published.ExitCode == 0, published.ToString());
        return application;
    }

    private async Task<CommandResult> RunAsync(params IEnumerable<string> arguments)
    {
        CommandResult run = await Command.RunAsync(
            new ProcessStartInfo(
                "bash",
                [
                    Path.Combine(Scripts, "run.sh"), "--timeout", s_limit.TotalSeconds.ToString(CultureInfo.InvariantCulture),
                    "--env", "HVSDK_TEST_TIMEOUT_SECONDS=120", "--env", "HVSDK_REQUIRE=kvm", .. arguments,
                ]),
            s_limit + TimeSpan.FromMinutes(2));
        output.WriteLine(run.Output);
        return run;
    }

    /// <summary>A file of results, with that of an earlier run taken away.</summary>
    private static string PrepareFile(string name)
    {
        Directory.CreateDirectory(s_results);
        string path = Path.Combine(s_results, name);
        File.Delete(path);
        return path;
    }

    /// <summary>The closing line of xunit's own runner.</summary>
    [GeneratedRegex(@"Total: (?<total>\d+), Errors: (?<errors>\d+), Failed: (?<failed>\d+), Skipped: (?<skipped>\d+)")]
    private static partial Regex Summary();
}
