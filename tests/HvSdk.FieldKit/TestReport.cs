using System.Xml.Linq;
using HvSdk.Live;
using HvSdk.Live.Transcripts;

namespace HvSdk.FieldKit;

/// <summary>Reads the report of xunit's own runner.</summary>
internal static class TestReport
{
    /// <summary>Reads the results of a class of tests, in the order of their names; null where the report holds none.</summary>
    /// <param name="path">The report.</param>
    /// <param name="testClass">The class.</param>
    public static IReadOnlyList<TestEntry>? Read(string path, string testClass)
    {
        XDocument report = SuiteReport.ReadXml(path);
        TestEntry[] results = [.. report.Descendants("test").Select(test => ReadTest(test, testClass)).OrderBy(static test => test.Name, StringComparer.Ordinal)];
        return results.Length == 0 ? null : results;
    }

    private static TestEntry ReadTest(XElement test, string testClass)
    {
        string name = test.Attribute("name")?.Value ?? "(no name)";
        string prefix = $"{Behaviour.Suite}.{testClass}.";
        name = name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
        string reason = test.Element("reason")?.Value ?? "";
        return test.Attribute("result")?.Value switch
        {
            "Pass" => new TestEntry(name, TestOutcome.Passed, ""),
            "Skip" => new TestEntry(name, AbsentFeatures.IsReason(reason) ? TestOutcome.NotPossible : TestOutcome.Skipped, PersonalData.Remove(reason)),
            _ => new TestEntry(name, TestOutcome.Failed, PersonalData.Remove(ReadFailure(test))),
        };
    }

    private static string ReadFailure(XElement test)
    {
        XElement? failure = test.Element("failure");
        return $"{failure?.Element("message")?.Value}\n{failure?.Element("stack-trace")?.Value}".Trim();
    }
}
