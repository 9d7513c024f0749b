using System.Diagnostics;
using HvSdk.Backends.Kvm;
using HvSdk.Live;
using HvSdk.Live.Transcripts;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>Runs the field kit as a user would, over the stand-in.</summary>
internal static class FieldKit
{
    private const string Project = "HvSdk.FieldKit";

    // A minute or two on a quiet machine; a limit is for one that hangs.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);

    /// <summary>The transcripts of these tests.</summary>
    internal static string Results { get; } = Path.Combine(SourceTree.Root, "artifacts", "field-kit");

    /// <summary>Runs it on Linux.</summary>
    /// <param name="name">Name of the run: its transcript goes to a folder of that name.</param>
    /// <param name="switches">Switches of the stand-in.</param>
    /// <param name="arguments">Arguments of the kit.</param>
    internal static Task<CommandResult> RunAsync(string name, IReadOnlyDictionary<string, string> switches, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(SourceTree.OutputOf(Project), $"{Project}.dll"), "--out", FolderOf(name), .. arguments]);
        start.Environment["HVSDK_BACKEND"] = "whp";
        start.Environment["HVSDK_WHP_LIBRARY"] = Path.Combine(StandIn.Output, "linux", "libWinHvPlatform.so");
        return RunAsync(name, start, switches);
    }

    /// <summary>Publishes it for Windows as its README.md says, and runs that under Wine, with the stand-in as WinHvPlatform.dll.</summary>
    /// <param name="name">Name of the run.</param>
    /// <param name="arguments">Arguments of the kit.</param>
    internal static async Task<CommandResult> RunUnderWineAsync(string name, params string[] arguments)
    {
        string output = Path.Combine(Results, "win-x64");
        CommandResult publish = await DotnetCommand.RunAsync(
            SourceTree.Root, new Dictionary<string, string>(), "publish", Path.Combine("tests", Project), "-c", "Release", "-r", "win-x64", "--self-contained", "-o", output);
        Assert.True(publish.ExitCode == 0, publish.ToString());

        var start = new ProcessStartInfo(
            Path.Combine(StandIn.Sources, "wine.sh"), [Path.Combine(output, $"{Project}.exe"), "--out", $"Z:{FolderOf(name).Replace('/', '\\')}", .. arguments]);
        start.Environment.Remove("HVSDK_BACKEND");
        start.Environment.Remove("HVSDK_WHP_LIBRARY");
        start.Environment[WhpStandIn.CarrierVariable] = Hypervisor.Probe(KvmBackend.Instance).Backends[0].Reason;
        return await RunAsync(name, start, new Dictionary<string, string>());
    }

    /// <summary>The transcript of a run.</summary>
    /// <param name="name">Name of the run.</param>
    internal static Transcript ReadTranscript(string name) => Transcript.Parse(File.ReadAllText(Path.Combine(FolderOf(name), "hvsdk-transcript-whp.json")));

    /// <summary>The transcript of a run, as people read it.</summary>
    /// <param name="name">Name of the run.</param>
    internal static string ReadText(string name) => File.ReadAllText(Path.Combine(FolderOf(name), "hvsdk-transcript-whp.txt"));

    private static Task<CommandResult> RunAsync(string name, ProcessStartInfo start, IReadOnlyDictionary<string, string> switches)
    {
        string folder = FolderOf(name);
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(folder))
        {
            File.Delete(file);
        }

        foreach ((string key, string value) in switches)
        {
            start.Environment[$"HVSDK_WHP_STANDIN_{key}"] = value;
        }

        return Command.RunAsync(start, s_limit);
    }

    private static string FolderOf(string name) => Path.Combine(Results, name);
}
