using System.Text;
using System.Text.RegularExpressions;
using HvSdk.Live.Transcripts;
using Xunit;

namespace HvSdk.Live.Behaviours;

/// <summary>The table of behaviours and backends in docs/backends.md: a line for each class of tests, in the words that it has in its source.</summary>
/// <remarks>
/// What runs over a stand-in, and what is not possible there, is taken from the suite's report, by the run that made it: it writes its own column, and leaves the others as they are. What only a
/// scripted fake shows is taken from the classes of its tests. "real" is KVM on the host and in the nested machines, where the same suite runs; that of arm64 alone has the guests of AArch64, and its
/// run writes their cells. What Windows says is taken from the transcripts of the field kit in docs/transcripts.
/// </remarks>
public static partial class BehaviourTable
{
    private const string Begin = "<!-- behaviours: written by HvSdk.Whp.StandIn.Tests, HvSdk.Hvf.StandIn.Tests and HvSdk.Nested.Tests with HVSDK_UPDATE=1 -->";
    private const string End = "<!-- /behaviours -->";
    private const string NotPossible = "not possible";
    private const string StandIn = "stand-in";
    private const string NotSeen = "not seen yet";
    private const string NotOnWindows = "not possible: The answers of the platform are made up.";
    private const string NoGuests = "not possible: Its guests are AArch64.";

    /// <summary>The tests of a backend that run on a scripted fake of its platform.</summary>
    private static readonly (string Project, string Backend)[] s_scripted = [("HvSdk.Backends.Whp.Tests", "WHP"), ("HvSdk.Backends.Hvf.Tests", "HVF")];

    private static string Document => Path.Combine(SourceTree.Root, "docs", "backends.md");

    /// <summary>Compares the document with a report of the conformance suite in a run of its own, or writes its column anew.</summary>
    /// <param name="column">The column.</param>
    /// <param name="report">The report.</param>
    public static void Check(BehaviourColumn column, string report) => Check(column, new BehaviourReport(report));

    /// <summary>Compares the lines of the document with the classes of tests, or writes what is new of them; what was seen stays as it is.</summary>
    public static void CheckLines() => Check(null, null);

    private static void Check(BehaviourColumn? column, BehaviourReport? report)
    {
        string document = File.ReadAllText(Document);
        int begin = document.IndexOf(Begin, StringComparison.Ordinal);
        int end = document.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin, $"docs/backends.md lacks the lines that the table stands between: {Begin} and {End}");
        var lines = DocumentLine.ParseAll(document[begin..end]);
        string expected = document[..begin] + Begin + "\n" + Format(column, report, lines, document) + document[end..];
        if (Environment.GetEnvironmentVariable("HVSDK_UPDATE") == "1")
        {
            File.WriteAllText(Document, expected);
            return;
        }

        Assert.Equal(expected, document);
    }

    private static string Format(BehaviourColumn? column, BehaviourReport? report, Dictionary<string, DocumentLine> lines, string document)
    {
        var text = new StringBuilder("| no. | behaviour | tests | KVM | WHP | WHP, on Windows | HVF |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        IReadOnlyList<Transcript> transcripts = WindowsTranscripts.Read();
        var sources = TestSources.Classes(Behaviour.Suite).ToDictionary(static test => test.Name, static test => test.Source);
        foreach ((int number, string name, string summary) in Behaviour.ParseList(File.ReadAllText(Path.Combine(SourceTree.Root, "tests", Behaviour.Suite, "behaviours.txt"))))
        {
            bool isArm64 = sources[name].Contains("[Arm64Only]", StringComparison.Ordinal);
            DocumentLine? seen = lines.GetValueOrDefault(name);
            string kvm = !isArm64 ? $"real{Divergences(sources[name], document)}"
                : column == BehaviourColumn.KvmArm64 ? report!.CellOf(name, $"real{Divergences(sources[name], document)}")
                : seen?.Kvm ?? NotSeen;
            string whp = isArm64 ? NoGuests : column == BehaviourColumn.Whp ? report!.CellOf(name, StandIn) : seen?.Whp ?? NotSeen;
            string hvf = column == BehaviourColumn.Hvf ? report!.CellOf(name, StandIn) : seen?.Hvf ?? NotSeen;
            string onWindows = whp.StartsWith(NotPossible, StringComparison.Ordinal) ? whp : WindowsTranscripts.Cell(transcripts, number);
            text.Append(new DocumentLine($"{number}", Escape(summary), name, kvm, whp, onWindows, hvf));
        }

        foreach ((string project, string backend) in s_scripted)
        {
            string ofOther = $"not possible: It is {backend}'s own.";
            foreach ((string name, string summary, _) in TestSources.Classes(project))
            {
                bool isWhp = backend == "WHP";
                text.Append(new DocumentLine(
                    "none", Escape(summary), $"{name} ({backend})", ofOther, isWhp ? "scripted" : ofOther, isWhp ? NotOnWindows : ofOther, isWhp ? ofOther : "scripted"));
            }
        }

        return text.ToString();
    }

    /// <summary>The hypervisors for which the table of divergences has a line about a behaviour of these tests.</summary>
    private static string Divergences(string source, string document)
    {
        HashSet<string> behaviours = [.. BehaviourName().Matches(source).Select(static match => match.Groups[1].Value)];
        string[] hypervisors = [.. Divergence().Matches(document)
            .Where(match => behaviours.Contains(match.Groups[1].Value) && match.Groups[2].Value is not ("whp" or "hvf"))
            .Select(static match => match.Groups[2].Value)
            .Distinct()
            .Order(StringComparer.Ordinal)];
        return hypervisors.Length == 0 ? "" : $"; {string.Join(" and ", hypervisors)} differ{(hypervisors.Length == 1 ? "s" : "")}";
    }

    private static string Escape(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    [GeneratedRegex(@"Divergences\.\w+\(\s*""([a-z0-9-]+)""")]
    private static partial Regex BehaviourName();

    [GeneratedRegex(@"^\| ([a-z0-9-]+) \| ([^|]+) \|", RegexOptions.Multiline)]
    private static partial Regex Divergence();

    /// <summary>A line of the table.</summary>
    private sealed record DocumentLine(string Number, string Summary, string Tests, string Kvm, string Whp, string OnWindows, string Hvf)
    {
        public static Dictionary<string, DocumentLine> ParseAll(string table) =>
            table.Split('\n').Select(static line => line.Split(" | ")).Where(static cells => cells.Length >= 6).DistinctBy(static cells => cells[2]).ToDictionary(
                static cells => cells[2],
                static cells => new DocumentLine(cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells.Length > 6 ? cells[6].TrimEnd(' ', '|') : NotSeen));

        public override string ToString() => $"| {Number} | {Summary} | {Tests} | {Kvm} | {Whp} | {OnWindows} | {Hvf} |\n";
    }
}

/// <summary>A column that a run of the suite over a stand-in, or in another machine, fills.</summary>
public enum BehaviourColumn
{
    /// <summary>KVM on arm64: the lines about AArch64.</summary>
    KvmArm64,

    /// <summary>The Windows Hypervisor Platform.</summary>
    Whp,

    /// <summary>Hypervisor.framework.</summary>
    Hvf,
}
