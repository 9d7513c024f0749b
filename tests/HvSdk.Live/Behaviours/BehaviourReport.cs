using System.Xml.Linq;
using Xunit;

namespace HvSdk.Live.Behaviours;

/// <summary>A report of the conformance suite in a run of its own, class by class.</summary>
internal sealed class BehaviourReport
{
    private readonly ILookup<string, XElement> _tests;

    /// <summary>Reads a report.</summary>
    /// <param name="path">The file.</param>
    internal BehaviourReport(string path) =>
        _tests = SuiteReport.ReadXml(path).Descendants("test").ToLookup(static test => test.Attribute("type")!.Value.Split('.')[^1]);

    /// <summary>What a class of tests has come to, for its cell.</summary>
    /// <param name="testClass">The class.</param>
    /// <param name="word">What is said where all of its tests have passed.</param>
    internal string CellOf(string testClass, string word)
    {
        XElement[] tests = [.. _tests[testClass]];
        Assert.True(tests.Length > 0, $"The report holds no test of {testClass}.");
        string[] reasons = [.. tests.Select(static test => test.Element("reason")?.Value).OfType<string>().Distinct().Order(StringComparer.Ordinal).Select(AbsentFeatures.Shorten)];
        string why = string.Join(" ", reasons);
        bool anyPassed = tests.Any(static test => test.Attribute("result")?.Value == "Pass");
        return reasons.Length == 0 ? word : anyPassed ? $"{word}; in part not possible: {why}" : $"not possible: {why}";
    }
}
