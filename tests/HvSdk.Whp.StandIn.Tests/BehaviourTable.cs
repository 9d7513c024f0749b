using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using HvSdk.Live;
using HvSdk.Live.Transcripts;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The table of behaviours and backends in docs/backends.md: a line for each class of tests, in the words that it has in its source.</summary>
/// <remarks>
/// What runs over the stand-in, and what is not possible there, is taken from the suite's report; what only a scripted fake shows, from the classes
/// of its tests. "real" is KVM on the host and in the nested machine, where the same suite runs. What Windows says is taken from the transcripts of
/// the field kit in docs/transcripts.
/// </remarks>
internal static partial class BehaviourTable
{
    private const string Begin = "<!-- behaviours: written by HvSdk.Whp.StandIn.Tests with HVSDK_UPDATE=1 -->";
    private const string End = "<!-- /behaviours -->";
    private const string OfBackend = "Not possible on WHP: ";
    private const string OfOther = "Not possible: it is a test of KVM";
    private const string NotOfKvm = "not possible: It is WHP's own.";
    private const string NotOnWindows = "not possible: The answers of the platform are made up.";

    private static string Document => Path.Combine(SourceTree.Root, "docs", "backends.md");

    /// <summary>Compares the document with a report of the conformance suite over the stand-in, or writes it anew.</summary>
    internal static void Check(string report)
    {
        string document = File.ReadAllText(Document);
        int begin = document.IndexOf(Begin, StringComparison.Ordinal);
        int end = document.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin, $"docs/backends.md lacks the lines that the table stands between: {Begin} and {End}");
        string expected = document[..begin] + Begin + "\n" + Format(report, document) + document[end..];
        if (Environment.GetEnvironmentVariable("HVSDK_UPDATE") == "1")
        {
            File.WriteAllText(Document, expected);
            return;
        }

        Assert.Equal(expected, document);
    }

    private static string Format(string report, string document)
    {
        var text = new StringBuilder("| no. | behaviour | tests | KVM | WHP | WHP, on Windows |\n| --- | --- | --- | --- | --- | --- |\n");
        ILookup<string, XElement> tests = SuiteReport.ReadXml(report).Descendants("test").ToLookup(static test => test.Attribute("type")!.Value.Split('.')[^1]);
        IReadOnlyList<Transcript> transcripts = WindowsTranscripts.Read();
        var sources = TestSources.Classes(Behaviour.Suite).ToDictionary(static test => test.Name, static test => test.Source);
        foreach (Behaviour behaviour in Behaviour.ParseList(File.ReadAllText(Path.Combine(SourceTree.Root, "tests", Behaviour.Suite, "behaviours.txt"))))
        {
            (int number, string name, string summary) = behaviour;
            Assert.True(tests.Contains(name), $"The report holds no test of {name}.");
            string overStandIn = OverStandIn([.. tests[name]]);
            string onWindows = overStandIn.StartsWith("not possible", StringComparison.Ordinal) ? overStandIn : WindowsTranscripts.Cell(transcripts, number);
            text.Append(null, $"| {number} | {Escape(summary)} | {name} | real{Divergences(sources[name], document)} | {overStandIn} | {onWindows} |\n");
        }

        foreach ((string name, string summary, _) in TestSources.Classes("HvSdk.Backends.Whp.Tests"))
        {
            text.Append(null, $"| none | {Escape(summary)} | {name} (WHP) | {NotOfKvm} | scripted | {NotOnWindows} |\n");
        }

        return text.ToString();
    }

    private static string OverStandIn(IReadOnlyCollection<XElement> tests)
    {
        string[] reasons = [.. tests.Select(static test => test.Element("reason")?.Value).OfType<string>().Distinct().Order(StringComparer.Ordinal).Select(Shorten)];
        string why = string.Join(" ", reasons);
        bool anyPassed = tests.Any(static test => test.Attribute("result")?.Value == "Pass");
        return reasons.Length == 0 ? "stand-in" : anyPassed ? $"stand-in; in part not possible: {why}" : $"not possible: {why}";
    }

    private static string Shorten(string reason) =>
        reason.StartsWith(OfBackend, StringComparison.Ordinal) ? reason[OfBackend.Length..]
        : reason.StartsWith(OfOther, StringComparison.Ordinal) ? "It is KVM's own."
        : reason;

    /// <summary>The hypervisors for which the table of divergences has a line about a behaviour of these tests.</summary>
    private static string Divergences(string source, string document)
    {
        HashSet<string> behaviours = [.. BehaviourName().Matches(source).Select(static match => match.Groups[1].Value)];
        string[] hypervisors = [.. Divergence().Matches(document)
            .Where(match => behaviours.Contains(match.Groups[1].Value) && match.Groups[2].Value != "whp")
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
}
