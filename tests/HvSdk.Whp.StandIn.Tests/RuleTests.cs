using System.Text.RegularExpressions;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>RULES.md, the sources and the checks speak of the same rules.</summary>
public sealed partial class RuleTests
{
    [Fact]
    public void Rules_InTheTable_AreEachChecked()
    {
        string[] table = TableRules();

        Assert.Equal(table.Length, table.Distinct().Count());
        Assert.Empty(table.Except(RulesIn(Path.Combine(StandIn.Sources, "selftest"))));
    }

    [Fact]
    public void Rules_InSourcesAndChecks_AreInTheTable()
    {
        string[] table = TableRules();

        Assert.Empty(RulesIn(StandIn.Sources).Except(table));
        Assert.Empty(RulesIn(Path.Combine(StandIn.Sources, "selftest")).Except(table));
    }

    [Fact]
    public void Switches_InTheTable_AreThoseOfTheSource()
    {
        string[] named = [.. SwitchInSource().Matches(File.ReadAllText(Path.Combine(StandIn.Sources, "switches.c"))).Select(static match => match.Groups[1].Value)];
        string[] listed = [.. SwitchInTable().Matches(File.ReadAllText(Path.Combine(StandIn.Sources, "RULES.md"))).Select(static match => match.Groups[1].Value)];

        Assert.NotEmpty(named);
        Assert.Equal(named.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    private static string[] TableRules() =>
        [.. RuleInTable().Matches(File.ReadAllText(Path.Combine(StandIn.Sources, "RULES.md"))).Select(static match => match.Groups[1].Value)];

    private static HashSet<string> RulesIn(string folder) =>
        [.. Directory.EnumerateFiles(folder).Where(static file => Path.GetExtension(file) is ".c" or ".h").SelectMany(static file => Rule().Matches(File.ReadAllText(file))).Select(static match => match.Value)];

    [GeneratedRegex(@"R-[A-Z]+-\d\d")]
    private static partial Regex Rule();

    [GeneratedRegex(@"^\| (R-[A-Z]+-\d\d) \|", RegexOptions.Multiline)]
    private static partial Regex RuleInTable();

    [GeneratedRegex(@"\{""([A-Z_]+)"", &switches\.")]
    private static partial Regex SwitchInSource();

    [GeneratedRegex(@"^\| `([A-Z_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex SwitchInTable();
}
