using System.Diagnostics;
using HvSdk.Live.Transcripts;

namespace HvSdk.Live;

/// <summary>Runs the field kit as a user would, over a backend's stand-in, and reads back what it leaves.</summary>
/// <param name="Backend">The backend, as HVSDK_BACKEND names it.</param>
public sealed record FieldKitRuns(string Backend)
{
    /// <summary>The kit's project.</summary>
    public const string Project = "HvSdk.FieldKit";

    // A minute or two on a quiet machine; a limit is for one that hangs.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);

    /// <summary>The transcripts of the backend's runs.</summary>
    public string Results { get; } = Path.Combine(SourceTree.Root, "artifacts", "field-kit", Backend);

    /// <summary>Runs the kit that was built with the tests.</summary>
    /// <param name="name">Name of the run: its transcript goes to a folder of that name.</param>
    /// <param name="variables">What tells it of the stand-in, and of its switches.</param>
    /// <param name="arguments">Arguments of the kit.</param>
    public Task<CommandResult> RunAsync(string name, IReadOnlyDictionary<string, string> variables, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(SourceTree.OutputOf(Project), $"{Project}.dll"), "--out", FolderOf(name), .. arguments]);
        start.Environment["HVSDK_BACKEND"] = Backend;
        return RunAsync(name, start, variables);
    }

    /// <summary>Runs a kit that was published.</summary>
    /// <param name="name">Name of the run.</param>
    /// <param name="start">The kit and its arguments: its transcript goes to <see cref="FolderOf"/>.</param>
    /// <param name="variables">What tells it of the stand-in, and of its switches.</param>
    public Task<CommandResult> RunAsync(string name, ProcessStartInfo start, IReadOnlyDictionary<string, string> variables)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(variables);
        string folder = FolderOf(name);
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(folder))
        {
            File.Delete(file);
        }

        foreach ((string key, string value) in variables)
        {
            start.Environment[key] = value;
        }

        return Command.RunAsync(start, s_limit);
    }

    /// <summary>The transcript of a run.</summary>
    /// <param name="name">Name of the run.</param>
    public Transcript ReadTranscript(string name) => Transcript.Parse(ReadJson(name));

    /// <summary>The transcript of a run, as it was written.</summary>
    /// <param name="name">Name of the run.</param>
    public string ReadJson(string name) => File.ReadAllText(Path.Combine(FolderOf(name), $"hvsdk-transcript-{Backend}.json"));

    /// <summary>The transcript of a run, as people read it.</summary>
    /// <param name="name">Name of the run.</param>
    public string ReadText(string name) => File.ReadAllText(Path.Combine(FolderOf(name), $"hvsdk-transcript-{Backend}.txt"));

    /// <summary>Where the transcript of a run goes.</summary>
    /// <param name="name">Name of the run.</param>
    public string FolderOf(string name) => Path.Combine(Results, name);
}
