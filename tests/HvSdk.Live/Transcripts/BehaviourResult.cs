namespace HvSdk.Live.Transcripts;

/// <summary>A behaviour on a machine.</summary>
/// <param name="Number">Its number.</param>
/// <param name="TestClass">Its class of tests.</param>
/// <param name="Summary">What it is about.</param>
/// <param name="Tests">Its tests, in the order of their names.</param>
public sealed record BehaviourResult(int Number, string TestClass, string Summary, IReadOnlyList<TestEntry> Tests)
{
    private static readonly TestOutcome[] s_bad = [TestOutcome.Failed, TestOutcome.Hung, TestOutcome.Crashed];

    /// <summary>Tests that ended in one of the ways.</summary>
    /// <param name="outcomes">The ways.</param>
    public int Count(params ReadOnlySpan<TestOutcome> outcomes)
    {
        int count = 0;
        foreach (TestEntry test in Tests)
        {
            count += outcomes.Contains(test.Outcome) ? 1 : 0;
        }

        return count;
    }

    /// <summary>In few words: "12 passed, 1 failed".</summary>
    public override string ToString()
    {
        (string Name, int Count)[] counts =
        [
            ("passed", Count(TestOutcome.Passed)), ("failed", Count(TestOutcome.Failed)), ("hung", Count(TestOutcome.Hung)), ("crashed", Count(TestOutcome.Crashed)),
            ("not possible", Count(TestOutcome.NotPossible)), ("skipped", Count(TestOutcome.Skipped)), ("left out", Count(TestOutcome.LeftOut)),
        ];
        string text = string.Join(", ", counts.Where(static part => part.Count > 0).Select(static part => $"{part.Count} {part.Name}"));
        return text.Length > 0 ? text : "no tests";
    }

    /// <summary>Something in it went wrong.</summary>
    public bool HasTrouble() => Count(s_bad) > 0;
}
