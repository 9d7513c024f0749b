using System.Globalization;

namespace HvSdk.Live.Transcripts;

/// <summary>A behaviour of the conformance suite: one of its classes of tests, under a number that stays its own.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="TestClass">The class, without its namespace.</param>
/// <param name="Summary">What it is about, for people.</param>
public sealed record Behaviour(int Number, string TestClass, string Summary)
{
    /// <summary>The project that holds the tests.</summary>
    public const string Suite = "HvSdk.Conformance.Tests";

    /// <summary>Reads the list of behaviours (tests/HvSdk.Conformance.Tests/behaviours.txt).</summary>
    /// <param name="text">The list: lines of number, class and summary, separated by " | "; lines that begin with # are comments.</param>
    /// <exception cref="FormatException">A line is none of a list; the text quotes it.</exception>
    public static IReadOnlyList<Behaviour> ParseList(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. text.ReplaceLineEndings("\n").Split('\n').Where(static line => line.Length > 0 && line[0] != '#').Select(ParseLine)];
    }

    /// <summary>The line of the list.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number} | {TestClass} | {Summary}");

    private static Behaviour ParseLine(string line) =>
        line.Split(" | ", 3) is [var number, var name, var summary] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0
            ? new Behaviour(value, name, summary)
            : throw new FormatException($"A line of the list of behaviours should be 'number | class | summary', and is: {line}");
}
