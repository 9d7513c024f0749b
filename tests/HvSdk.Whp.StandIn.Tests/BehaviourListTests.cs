using HvSdk.Live;
using HvSdk.Live.Behaviours;
using HvSdk.Live.Transcripts;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The list of behaviours has a number for each class of the conformance suite, and the words of its source. HVSDK_UPDATE=1 adds what is new.</summary>
public sealed class BehaviourListTests
{
    private static string List { get; } = Path.Combine(SourceTree.Root, "tests", Behaviour.Suite, "behaviours.txt");

    [Fact]
    public void List_OfBehaviours_HasEveryClassOnceInItsWords()
    {
        string text = File.ReadAllText(List);
        IReadOnlyList<Behaviour> listed = Behaviour.ParseList(text);
        string expected = Comments(text) + string.Concat(Expected(listed).Select(static behaviour => $"{behaviour}\n"));
        if (Environment.GetEnvironmentVariable("HVSDK_UPDATE") == "1")
        {
            File.WriteAllText(List, expected);
            return;
        }

        Assert.Equal(expected, text);
        Assert.Equal(listed.Count, listed.DistinctBy(static behaviour => behaviour.Number).Count());
    }

    /// <summary>What was seen is the runs' to say; the lines are there from the first, also those of scripted fakes.</summary>
    [Fact]
    public void Table_InTheDocument_HasALineForEveryClass() => BehaviourTable.CheckLines();

    [Theory]
    [InlineData("1 | PortTests")]
    [InlineData("x | PortTests | Ports.")]
    [InlineData("0 | PortTests | Ports.")]
    [InlineData("PortTests")]
    public void ParseList_OfWhatIsNone_QuotesTheLine(string line) =>
        Assert.EndsWith(line, Assert.Throws<FormatException>(() => Behaviour.ParseList($"# a comment\n{line}\n")).Message, StringComparison.Ordinal);

    /// <summary>Old ones keep their numbers, and go when their class does; new ones come at the end, with numbers that nobody had.</summary>
    private static IEnumerable<Behaviour> Expected(IReadOnlyList<Behaviour> listed)
    {
        var sources = TestSources.Classes(Behaviour.Suite).ToDictionary(static test => test.Name, static test => test.Summary);
        int next = listed.Count == 0 ? 1 : listed.Max(static behaviour => behaviour.Number) + 1;
        IEnumerable<Behaviour> old = listed.Where(behaviour => sources.ContainsKey(behaviour.TestClass)).Select(behaviour => behaviour with { Summary = sources[behaviour.TestClass] });
        IEnumerable<Behaviour> added = sources.Where(source => !listed.Any(behaviour => behaviour.TestClass == source.Key)).Select((source, i) => new Behaviour(next + i, source.Key, source.Value));
        return old.Concat(added).OrderBy(static behaviour => behaviour.Number);
    }

    private static string Comments(string text) => string.Concat(text.Split('\n').TakeWhile(static line => line.StartsWith('#')).Select(static line => $"{line}\n"));
}
