using HvSdk.Live.Transcripts;

namespace HvSdk.FieldKit;

/// <summary>Runs behaviours one after the other.</summary>
/// <param name="Tests">The tests that there are.</param>
/// <param name="LeftOut">Those that are not run.</param>
/// <param name="Process">What runs them.</param>
internal sealed record BehaviourRunner(SuiteTests Tests, LeftOutTests LeftOut, SuiteProcess Process)
{
    /// <summary>Runs a behaviour: all its tests in one process, or, where that does not come to its end, each in its own, so that the others are seen.</summary>
    /// <param name="behaviour">The behaviour.</param>
    public BehaviourResult Run(Behaviour behaviour)
    {
        string name = behaviour.TestClass;
        if (!Tests.AreForArchitecture(name))
        {
            // The suite does not know them as tests here.
            return new BehaviourResult(
                behaviour.Number, name, behaviour.Summary, [.. Tests.MethodsOf(name).Select(static method => new TestEntry(method, TestOutcome.NotPossible, "Its guests are AArch64."))]);
        }

        string[] methods = [.. Tests.MethodsOf(name).Where(method => !LeftOut.Contains(name, method))];
        List<TestEntry> results = [.. LeftOut.Of(name)];
        if (methods.Length > 0)
        {
            results.AddRange(Process.Run(name, methods, out IReadOnlyList<TestEntry>? together) is null ? together! : methods.SelectMany(method => RunAlone(name, method)));
        }

        return new BehaviourResult(behaviour.Number, name, behaviour.Summary, [.. results.OrderBy(static test => test.Name, StringComparer.Ordinal)]);
    }

    private IReadOnlyList<TestEntry> RunAlone(string testClass, string method) => Process.Run(testClass, [method], out IReadOnlyList<TestEntry>? results) switch
    {
        null => results!,
        TestOutcome.Hung => [new TestEntry(method, TestOutcome.Hung, $"It had not ended after {Process.Limit.TotalSeconds:0.##} s.")],
        { } outcome => [new TestEntry(method, outcome, "Its process ended without a report.")],
    };
}
