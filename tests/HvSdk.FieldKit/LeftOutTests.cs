using HvSdk.Live.Transcripts;

namespace HvSdk.FieldKit;

/// <summary>Tests that are not run, each with its reason.</summary>
internal sealed class LeftOutTests
{
    private readonly Dictionary<string, string> _reasons = [];

    private LeftOutTests()
    {
    }

    /// <summary>Reads a list: lines of "Class.Method | reason"; lines that begin with # are comments.</summary>
    /// <param name="path">The file; null: nothing is left out.</param>
    /// <param name="suite">The tests that there are.</param>
    /// <exception cref="ArgumentException">A line has no reason, or names no test of the suite.</exception>
    public static LeftOutTests Read(string? path, SuiteTests suite)
    {
        var list = new LeftOutTests();
        foreach (string line in path is null ? [] : File.ReadAllLines(path).Where(static line => line.Length > 0 && line[0] != '#'))
        {
            if (line.Split(" | ", 2) is not [var name, { Length: > 0 } reason])
            {
                throw new ArgumentException($"A line of {path} should be 'Class.Method | reason', and is: {line}");
            }

            if (!suite.MethodsOf(name.Split('.')[0]).Contains(name.Split('.')[^1]))
            {
                throw new ArgumentException($"{path} names {name}, and the suite has no such test.");
            }

            list._reasons.Add(name, reason);
        }

        return list;
    }

    /// <summary>Whether a test is left out.</summary>
    /// <param name="testClass">Its class.</param>
    /// <param name="method">Its method.</param>
    public bool Contains(string testClass, string method) => _reasons.ContainsKey($"{testClass}.{method}");

    /// <summary>The tests of a class that are left out, as results.</summary>
    /// <param name="testClass">The class.</param>
    public IEnumerable<TestEntry> Of(string testClass) =>
        from line in _reasons
        where line.Key.StartsWith(testClass + ".", StringComparison.Ordinal)
        select new TestEntry(line.Key[(testClass.Length + 1)..], TestOutcome.LeftOut, line.Value);
}
