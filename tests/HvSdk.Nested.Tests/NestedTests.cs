using HvSdk.Live;

namespace HvSdk.Nested.Tests;

/// <summary>What also runs inside the nested machine, on a kvm_amd that has every instruction and every ring.</summary>
public sealed class NestedTests(ITestOutputHelper output)
{
    private const string Suite = "HvSdk.Conformance.Tests";
    private const string LinuxSuite = "HvSdk.Linux.Tests";
    private const string DifferentialSuite = "HvSdk.Emulation.X64.Differential.Tests";

    // The rest of that project needs no processor.
    private static readonly string[] s_agreement = ["--filter-class", "*AgreementTests"];

    /// <summary>run.sh: the machine did not start, or broke down under the command.</summary>
    private const int MachineBrokeDown = 125;

    // Everything is several times slower inside; a limit is for a machine that hangs, not for one that is slow.
    private static readonly TimeSpan s_suiteLimit = TimeSpan.FromMinutes(40);
    private static readonly TimeSpan s_sampleLimit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task ConformanceSuite_OnKvmAmd_PassesWhole()
    {
        await NestedMachine.RequireAsync();
        await RunSuiteAsync(Suite, "--memory", "4096");
    }

    [Fact]
    public async Task LinuxGuests_OnKvmAmd_PassWhole()
    {
        await NestedMachine.RequireAsync();
        string guests = await NestedMachine.RequireGuestsAsync();

        // A guest of 6 GiB touches little of it.
        await RunSuiteAsync(LinuxSuite, "--memory", "6144", "--add", $"{guests}/cloud:/guests/cloud", "--add", $"{guests}/standard:/guests/standard", "--env", "HVSDK_GUESTS=/guests");
    }

    [Fact]
    public async Task DifferentialCases_OnKvmAmd_EndAsOnTheEmulator()
    {
        await NestedMachine.RequireAsync();
        await RunSuiteAsync(DifferentialSuite);
    }

    [Fact]
    public async Task HelloGuest_OnKvmAmd_SaysHello()
    {
        await NestedMachine.RequireAsync();

        (int code, string said) = await NestedMachine.RunAsync(
            s_sampleLimit, "--add", $"{SourceTree.OutputOf("HelloGuest")}:/hello", "--", "dotnet", "/hello/HelloGuest.dll");

        output.WriteLine(said);
        Assert.True(code == 0, $"run.sh ended with {code}.{Environment.NewLine}{said}");
        Assert.Contains("Hello from a guest!", said, StringComparison.Ordinal);
        Assert.Contains("Ran on KVM (kvm_amd", said, StringComparison.Ordinal);
    }

    /// <summary>Runs a whole test assembly in one start of the machine; a skip in it is a failure.</summary>
    private async Task RunSuiteAsync(string suite, params string[] options)
    {
        string[] arguments = SuiteArguments(suite, options, out string report, out string counts);
        (int code, string said) = await NestedMachine.RunAsync(s_suiteLimit, arguments);
        if (code == MachineBrokeDown && !File.Exists(report))
        {
            // The emulated machine's own kernel has panicked in this place before ("corrupted stack end"), with no test to blame: once more, and said so.
            output.WriteLine($"The emulated machine broke down, and is started once more.{Environment.NewLine}{said}");
            (code, said) = await NestedMachine.RunAsync(s_suiteLimit, arguments);
        }

        output.WriteLine(said);
        Assert.True(File.Exists(report), $"run.sh ended with {code}, and the tests inside left no report.{Environment.NewLine}{said}");
        var inner = SuiteReport.Load(report);
        inner.WriteCounts(counts);
        output.WriteLine($"Inside the nested machine: {inner}");
        foreach (string warning in inner.Warnings)
        {
            output.WriteLine(warning);
        }

        string[] troubles = [.. inner.Failures, .. inner.Skips];
        Assert.True(troubles.Length == 0, $"{inner}{Environment.NewLine}{string.Join(Environment.NewLine, troubles)}");
        Assert.True(inner.Passed > 0, $"No test ran inside the nested machine.{Environment.NewLine}{said}");
        Assert.True(code == 0, $"All tests passed inside, and run.sh ended with {code}.{Environment.NewLine}{said}");
    }

    /// <summary>What run.sh is told, with the files of an earlier run taken away.</summary>
    private static string[] SuiteArguments(string suite, string[] options, out string report, out string counts)
    {
        string results = Path.Combine(SourceTree.Root, "artifacts", "nested-results");
        report = Path.Combine(results, $"{suite}.xml");
        counts = Path.Combine(results, $"{suite}.counts");
        Directory.CreateDirectory(results);
        File.Delete(report);
        File.Delete(counts);
        return
        [
            // One processor: with two the emulation itself has been seen to corrupt its kernel.
            "--cpus", "1", .. options, "--results", results, "--add", $"{SourceTree.OutputOf(suite)}:/tests",
            "--env", "HVSDK_REQUIRE=kvm,guests", "--env", "TESTINGPLATFORM_TELEMETRY_OPTOUT=1",

            // An exit costs several times what it does outside, and a kick most of all.
            "--env", "HVSDK_TEST_TIMEOUT_SECONDS=120", "--env", "HVSDK_KICKS=2000",
            .. Passed("HVSDK_LONG"), .. Passed("HVSDK_SEED"), .. Passed("HVSDK_SERIAL_BYTES"),
            "--", "dotnet", "exec", $"/tests/{suite}.dll", "--no-ansi", "--no-progress",
            "--results-directory", "/results", "--report-xunit", "--report-xunit-filename", $"{suite}.xml", .. suite == DifferentialSuite ? s_agreement : [],
        ];
    }

    /// <summary>Hands a variable on to the machine where it is set here.</summary>
    private static string[] Passed(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? ["--env", $"{variable}={value}"] : [];
}
