using HvSdk.Live;

namespace HvSdk.Nested.Tests;

/// <summary>What also runs inside the nested machine, on a kvm_amd that has every instruction and every ring.</summary>
public sealed class NestedTests(ITestOutputHelper output)
{
    private const string Suite = "HvSdk.Conformance.Tests";
    private const string LinuxSuite = "HvSdk.Linux.Tests";
    private const string LinuxOverWhp = $"{LinuxSuite}.whp-nested";
    private const string DifferentialSuite = "HvSdk.Emulation.X64.Differential.Tests";

    /// <summary>run.sh: the machine did not start, or broke down under the command.</summary>
    private const int MachineBrokeDown = 125;

    // Everything is several times slower inside; a limit is for a machine that hangs, not for one that is slow.
    private static readonly TimeSpan s_suiteLimit = TimeSpan.FromMinutes(50);
    private static readonly TimeSpan s_sampleLimit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task ConformanceSuite_OnKvmAmd_PassesWhole()
    {
        await NestedMachine.RequireAsync();
        await RunSuiteAsync(Suite, Suite, "kvm", "--memory", "4096");
    }

    [Fact]
    public async Task ConformanceSuite_OverWhpStandIn_PassesWhole()
    {
        await NestedMachine.RequireAsync();
        string standIn = await NestedMachine.RequireWhpStandInAsync();

        // Several partitions with memory at a time, which the platform does not allow: state that moves would not be seen otherwise.
        await RunSuiteAsync(
            Suite, $"{Suite}.whp-nested", "whp", "--memory", "4096", "--add", $"{standIn}:/standin",
            // An exit takes some ten calls of the kernel, so what repeats itself does so less often than over the stand-in on the host, where nothing is cut.
            "--env", "HVSDK_KICKS=500", "--env", "HVSDK_PARTITIONS=100", "--env", "HVSDK_ROUNDS=50", "--env", "HVSDK_ALLOCATION_ROUNDS=1000", "--env", "HVSDK_ORDERS_STEP=29",
            "--env", "HVSDK_BACKEND=whp", "--env", "HVSDK_WHP_LIBRARY=/standin/libWinHvPlatform.so", "--env", "HVSDK_WHP_STANDIN_MANY_PARTITIONS=1");
    }

    [Fact]
    public async Task LinuxGuests_OnKvmAmd_PassWhole()
    {
        await NestedMachine.RequireAsync();
        string guests = await NestedMachine.RequireGuestsAsync();

        // A guest of 6 GiB touches little of it.
        await RunSuiteAsync(LinuxSuite, LinuxSuite, "kvm,guests", "--memory", "6144", "--add", $"{guests}/cloud:/guests/cloud", "--add", $"{guests}/standard:/guests/standard", "--env", "HVSDK_GUESTS=/guests");
    }

    [Fact]
    public async Task Linux_OverWhpStandIn_BootsToUserspace()
    {
        await NestedMachine.RequireAsync();
        string guests = await NestedMachine.RequireGuestsAsync();
        string standIn = await NestedMachine.RequireWhpStandInAsync();
        await RunSuiteAsync(
            LinuxSuite, LinuxOverWhp, "whp,guests", "--memory", "3072", "--add", $"{guests}/cloud:/guests/cloud", "--env", "HVSDK_GUESTS=/guests",
            "--add", $"{standIn}:/standin", "--env", "HVSDK_BACKEND=whp", "--env", "HVSDK_WHP_LIBRARY=/standin/libWinHvPlatform.so",
            "--env", "HVSDK_TEST_TIMEOUT_SECONDS=600"); // one boot takes some forty seconds on a quiet machine
    }

    [Fact]
    public async Task DifferentialCases_OnKvmAmd_EndAsOnTheEmulator()
    {
        await NestedMachine.RequireAsync();
        await RunSuiteAsync(DifferentialSuite, DifferentialSuite, "kvm");
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
    /// <param name="suite">The project.</param>
    /// <param name="name">What the report is called.</param>
    /// <param name="required">What must not be skipped, for HVSDK_REQUIRE.</param>
    /// <param name="options">Options of run.sh.</param>
    private async Task RunSuiteAsync(string suite, string name, string required, params string[] options)
    {
        string[] arguments = SuiteArguments(suite, name, required, options, out string report, out string counts);
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
    private static string[] SuiteArguments(string suite, string name, string required, string[] options, out string report, out string counts)
    {
        string results = Path.Combine(SourceTree.Root, "artifacts", "nested-results");
        report = Path.Combine(results, $"{name}.xml");
        counts = Path.Combine(results, $"{name}.counts");
        Directory.CreateDirectory(results);
        File.Delete(report);
        File.Delete(counts);
        return
        [
            // One processor: with two the emulation itself has been seen to corrupt its kernel.
            "--cpus", "1", "--results", results, "--add", $"{SourceTree.OutputOf(suite)}:/tests",
            "--env", $"HVSDK_REQUIRE={required}", "--env", "TESTINGPLATFORM_TELEMETRY_OPTOUT=1",

            // An exit costs several times what it does outside, and a kick most of all.
            "--env", "HVSDK_TEST_TIMEOUT_SECONDS=120", "--env", "HVSDK_KICKS=2000",
            .. Passed("HVSDK_LONG"), .. Passed("HVSDK_SEED"), .. Passed("HVSDK_SERIAL_BYTES"), .. options,
            "--", "dotnet", "exec", $"/tests/{suite}.dll", "--no-ansi", "--no-progress",
            "--results-directory", "/results", "--report-xunit", "--report-xunit-filename", $"{name}.xml", .. FilterOf(name),
        ];
    }

    /// <summary>The part of a project that a run is about.</summary>
    private static string[] FilterOf(string name) => name switch
    {
        LinuxOverWhp => ["--filter-class", "*MeasuredClockTests"],
        DifferentialSuite => ["--filter-class", "*AgreementTests"], // the rest needs no processor
        _ => [],
    };

    /// <summary>Hands a variable on to the machine where it is set here.</summary>
    private static string[] Passed(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? ["--env", $"{variable}={value}"] : [];
}
