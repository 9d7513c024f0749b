using System.Diagnostics;
using HvSdk.Backends.Kvm;
using HvSdk.Live;
using HvSdk.Live.Transcripts;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>Runs the field kit as a user would, over the stand-in.</summary>
internal static class FieldKit
{
    private static readonly FieldKitRuns s_runs = new("whp");

    /// <summary>The transcripts of these tests.</summary>
    internal static string Results => s_runs.Results;

    /// <summary>Runs it on Linux.</summary>
    /// <param name="name">Name of the run: its transcript goes to a folder of that name.</param>
    /// <param name="switches">Switches of the stand-in.</param>
    /// <param name="arguments">Arguments of the kit.</param>
    internal static Task<CommandResult> RunAsync(string name, IReadOnlyDictionary<string, string> switches, params string[] arguments)
    {
        var variables = switches.ToDictionary(static one => $"HVSDK_WHP_STANDIN_{one.Key}", static one => one.Value);
        variables.Add("HVSDK_WHP_LIBRARY", Path.Combine(StandIn.Output, "linux", "libWinHvPlatform.so"));
        return s_runs.RunAsync(name, variables, arguments);
    }

    /// <summary>Publishes it for Windows as its README.md says, and runs that under Wine, with the stand-in as WinHvPlatform.dll.</summary>
    /// <param name="name">Name of the run.</param>
    /// <param name="arguments">Arguments of the kit.</param>
    internal static async Task<CommandResult> RunUnderWineAsync(string name, params string[] arguments)
    {
        string output = Path.Combine(Results, "win-x64");
        CommandResult publish = await DotnetCommand.RunAsync(
            SourceTree.Root, new Dictionary<string, string>(), "publish", Path.Combine("tests", FieldKitRuns.Project), "-c", "Release", "-r", "win-x64", "--self-contained", "-o", output);
        Assert.True(publish.ExitCode == 0, publish.ToString());

        var start = new ProcessStartInfo(
            Path.Combine(StandIn.Sources, "wine.sh"),
            [Path.Combine(output, $"{FieldKitRuns.Project}.exe"), "--out", $"Z:{s_runs.FolderOf(name).Replace('/', '\\')}", .. arguments]);
        start.Environment.Remove("HVSDK_BACKEND");
        start.Environment.Remove("HVSDK_WHP_LIBRARY");
        var variables = new Dictionary<string, string> { [WhpStandIn.CarrierVariable] = Hypervisor.Probe(KvmBackend.Instance).Backends[0].Reason };
        return await s_runs.RunAsync(name, start, variables);
    }

    /// <summary>The transcript of a run.</summary>
    /// <param name="name">Name of the run.</param>
    internal static Transcript ReadTranscript(string name) => s_runs.ReadTranscript(name);

    /// <summary>The transcript of a run, as people read it.</summary>
    /// <param name="name">Name of the run.</param>
    internal static string ReadText(string name) => s_runs.ReadText(name);
}
