using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using HvSdk.Live;

namespace HvSdk.Nested.Tests;

/// <summary>What runs inside the machine of tests/nested-arm64: an emulated arm64 machine in which Linux has a true /dev/kvm.</summary>
public sealed partial class NestedArm64Tests(ITestOutputHelper output)
{
    private const string Tier = "nested-arm64";
    private const string Suite = "HvSdk.Backends.Kvm.Arm64";
    private const string Remedy = "Run tests/nested-arm64/install.sh (Debian and Ubuntu; it needs root or sudo), then this test again.";

    /// <summary>A minute on a quiet machine, most of it the runtime's; the limit is for a machine that hangs.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(15);

    [Fact]
    public async Task KvmTests_OnArm64_PassWhole()
    {
        string scripts = Path.Combine(SourceTree.Root, "tests", "nested-arm64");
        CommandResult built = await Command.RunAsync(new ProcessStartInfo("bash", [Path.Combine(scripts, "build.sh")]), TimeSpan.FromMinutes(10));
        if (built.ExitCode != 0)
        {
            LiveHypervisor.SkipOrFail(Tier, $"The arm64 machine could not be built: {built.Output.Trim()} {Remedy}");
        }

        string application = Path.Combine(SourceTree.Root, "artifacts", "nested-arm64", "app");
        CommandResult published = await DotnetCommand.RunAsync(
            SourceTree.Root, new Dictionary<string, string>(), "publish", $"tests/{Suite}", "-r", "linux-arm64", "--self-contained", "-o", application, "-v", "q", "-nologo", "-p:RunAnalyzers=false");
        Assert.True(published.ExitCode == 0, published.ToString());

        string counts = Path.Combine(SourceTree.Root, "artifacts", "nested-results", $"{Suite}.counts");
        Directory.CreateDirectory(Path.GetDirectoryName(counts)!);
        File.Delete(counts);
        CommandResult run = await Command.RunAsync(
            new ProcessStartInfo(
                "bash",
                [
                    Path.Combine(scripts, "run.sh"), "--timeout", s_limit.TotalSeconds.ToString(CultureInfo.InvariantCulture), application,
                    "--env", "HVSDK_TEST_TIMEOUT_SECONDS=120", "--env", "HVSDK_REQUIRE=kvm", "--", $"/app/{Suite}", "-noColor",
                ]),
            s_limit + TimeSpan.FromMinutes(2));
        output.WriteLine(run.Output);
        Match summary = Summary().Match(run.Output);
        Assert.True(summary.Success, $"The tests inside came to no end. {run}");
        int Number(string name) => int.Parse(summary.Groups[name].Value, CultureInfo.InvariantCulture);
        int failed = Number("errors") + Number("failed");
        File.WriteAllText(counts, string.Create(CultureInfo.InvariantCulture, $"{Number("total") - Number("failed") - Number("skipped")} {failed} {Number("skipped")}\n"));
        Assert.True(failed == 0 && Number("skipped") == 0 && Number("total") > 0 && run.ExitCode == 0, run.ToString());
    }

    /// <summary>The closing line of xunit's own runner.</summary>
    [GeneratedRegex(@"Total: (?<total>\d+), Errors: (?<errors>\d+), Failed: (?<failed>\d+), Skipped: (?<skipped>\d+)")]
    private static partial Regex Summary();
}
