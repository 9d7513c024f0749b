using System.Globalization;
using System.Xml.Linq;

namespace HvSdk.Nested.Tests;

/// <summary>What the tests inside the machine came to, from their report in xunit's XML format.</summary>
internal sealed record InnerReport(int Passed, IReadOnlyList<string> Failures, IReadOnlyList<string> Skips, IReadOnlyList<string> Warnings)
{
    public static InnerReport Load(string path)
    {
        var assemblies = XDocument.Load(path);
        int passed = 0;
        List<string> failures = [];
        List<string> skips = [];
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
                    skips.Add($"{name}: skipped: {test.Element("reason")?.Value}");
                    break;
                case var result:
                    failures.Add($"{name}: {result}: {test.Element("failure")?.Element("message")?.Value}{Environment.NewLine}{test.Element("failure")?.Element("stack-trace")?.Value}");
                    break;
            }
        }

        // What failed outside of any test: a fixture's disposal, an exception on a thread of its own.
        failures.AddRange(assemblies.Descendants("error").Select(error => $"{error.Attribute("name")?.Value}: {error.Element("failure")?.Element("message")?.Value}"));
        return new InnerReport(passed, failures, skips, warnings);
    }

    /// <summary>Writes the counts as .ci/run adds them up: passed, failed, skipped.</summary>
    public void WriteCounts(string path) =>
        File.WriteAllText(path, string.Create(CultureInfo.InvariantCulture, $"{Passed} {Failures.Count} {Skips.Count}\n"));

    public override string ToString() => $"inside the nested machine: {Passed} passed, {Failures.Count} failed, {Skips.Count} skipped";
}
