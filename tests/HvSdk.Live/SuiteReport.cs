using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace HvSdk.Live;

/// <summary>What the tests of another run came to (inside the nested machine, over a stand-in), from their report in xunit's XML format.</summary>
/// <param name="Passed">How many passed.</param>
/// <param name="Failures">Name, message and stack of each that failed.</param>
/// <param name="Skips">Name and reason of each that was skipped.</param>
/// <param name="Impossible">The same for what the platform cannot do by its nature: each has a line in <see cref="AbsentFeatures"/>.</param>
/// <param name="Warnings">What tests warned of.</param>
public sealed record SuiteReport(
    int Passed, IReadOnlyList<string> Failures, IReadOnlyList<string> Skips, IReadOnlyList<string> Impossible, IReadOnlyList<string> Warnings)
{
    /// <summary>Reads a report.</summary>
    /// <param name="path">The file.</param>
    public static SuiteReport Load(string path)
    {
        XDocument assemblies = ReadXml(path);
        int passed = 0;
        List<string> failures = [];
        List<string> skips = [];
        List<string> impossible = [];
        List<string> warnings = [];
        foreach (XElement test in assemblies.Descendants("test"))
        {
            string name = test.Attribute("name")?.Value ?? "(no name)";
            warnings.AddRange(test.Descendants("warning").Select(warning => $"{name}: warning: {warning.Value}"));
            switch (test.Attribute("result")?.Value)
            {
                case "Pass":
                    passed++;
                    break;
                case "Skip":
                    string reason = test.Element("reason")?.Value ?? "";
                    (AbsentFeatures.IsReason(reason) ? impossible : skips).Add($"{name}: skipped: {reason}");
                    break;
                case var result:
                    failures.Add($"{name}: {result}: {test.Element("failure")?.Element("message")?.Value}{Environment.NewLine}{test.Element("failure")?.Element("stack-trace")?.Value}");
                    break;
            }
        }

        // What failed outside of any test: a fixture's disposal, an exception on a thread of its own.
        failures.AddRange(assemblies.Descendants("error").Select(error => $"{error.Attribute("name")?.Value}: {error.Element("failure")?.Element("message")?.Value}"));
        return new SuiteReport(passed, failures, skips, impossible, warnings);
    }

    /// <summary>Reads a report as it is.</summary>
    /// <param name="path">The file.</param>
    public static XDocument ReadXml(string path)
    {
        // What guests say is in it, control characters as well, which are none of XML's.
        string text = string.Concat(File.ReadAllText(path).Select(static c => XmlConvert.IsXmlChar(c) || char.IsSurrogate(c) ? c : '\uFFFD'));
        return XDocument.Parse(text);
    }

    /// <summary>Writes the counts as .ci/run adds them up: passed, failed, skipped.</summary>
    /// <param name="path">The file.</param>
    public void WriteCounts(string path) =>
        File.WriteAllText(path, string.Create(CultureInfo.InvariantCulture, $"{Passed} {Failures.Count} {Skips.Count}\n"));

    /// <inheritdoc/>
    public override string ToString() => $"{Passed} passed, {Failures.Count} failed, {Skips.Count} skipped, {Impossible.Count} not possible";
}
