using System.Text.RegularExpressions;
using Xunit;

namespace HvSdk.Live.Behaviours;

/// <summary>The classes of tests of a project, in the words that they have in their sources.</summary>
public static partial class TestSources
{
    /// <summary>Name, summary and text of each file that holds a class of tests, in the order of the names. Those about documents alone are left out.</summary>
    /// <param name="project">The project.</param>
    public static IEnumerable<(string Name, string Summary, string Source)> Classes(string project)
    {
        foreach (string file in Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "tests", project), "*Tests.cs").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            if (!name.EndsWith("DocumentTests", StringComparison.Ordinal))
            {
                string source = File.ReadAllText(file);
                Match? summary = Summary().Matches(source).FirstOrDefault(match => match.Groups[2].Value == name);
                Assert.True(summary is not null, $"{file}: the class has no <summary> that says what its tests are about, or is not sealed and public.");
                yield return (name, Clean(summary.Groups[1].Value), source);
            }
        }
    }

    private static string Clean(string summary)
    {
        string text = Cref().Replace(summary.Replace("///", "", StringComparison.Ordinal), static match => match.Groups[1].Value);
        return Blanks().Replace(text, " ").Trim();
    }

    [GeneratedRegex(@"/// <summary>((?:(?!</summary>).)*)</summary>(?:\s*///[^\n]*)*\s*(?:\[[^\n]*\]\s*)*public sealed (?:unsafe )?(?:partial )?class (\w+)", RegexOptions.Singleline)]
    private static partial Regex Summary();

    [GeneratedRegex(@"<see (?:cref|langword)=""([^""]+)""/>")]
    private static partial Regex Cref();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
