using HvSdk.Live.Transcripts;

namespace HvSdk.Live.Behaviours;

/// <summary>The transcripts of docs/transcripts: what machines with Windows have said.</summary>
public static class WindowsTranscripts
{
    private const string None = "no transcript yet";

    private static string Folder { get; } = Path.Combine(SourceTree.Root, "docs", "transcripts");

    /// <summary>Reads them, in the order of their names.</summary>
    public static IReadOnlyList<Transcript> Read() => [.. Directory.EnumerateFiles(Folder, "*.json").Order(StringComparer.Ordinal).Select(Read)];

    /// <summary>What they say of a behaviour, for its cell: one part for each build of Windows.</summary>
    /// <param name="transcripts">The transcripts.</param>
    /// <param name="number">The behaviour.</param>
    public static string Cell(IEnumerable<Transcript> transcripts, int number)
    {
        string[] parts = [.. from transcript in transcripts
            from behaviour in transcript.Behaviours
            where behaviour.Number == number && transcript.Hypervisor.Backend == "WHP"
            select $"{(behaviour.HasTrouble() ? "differs" : "real")} ({transcript.Host.SystemBuild.Split(' ')[0]}: {behaviour})"];
        return parts.Length == 0 ? None : string.Join("; ", parts);
    }

    private static Transcript Read(string path)
    {
        try
        {
            return Transcript.Parse(File.ReadAllText(path));
        }
        catch (FormatException e)
        {
            throw new FormatException($"{path}: {e.Message}", e);
        }
    }
}
