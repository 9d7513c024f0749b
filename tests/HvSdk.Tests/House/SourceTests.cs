using System.Text.RegularExpressions;

namespace HvSdk.Tests.House;

/// <summary>House rules that a compiler does not know, read from the source text.</summary>
public sealed partial class SourceTests
{
    /// <summary>How many lines above an unsafe operation its reason may stand: one reason may serve neighbours.</summary>
    private const int Near = 12;

    private static readonly string[] s_source = [.. Repository.Files("src", "*.cs")];

    [Fact]
    public void Unsafe_Code_IsInTheMemoryCodeAndTheBackendsAlone() =>
        Assert.All(
            s_source.Where(static path => Repository.ReadLines(path).Any(static line => UnsafeWord().IsMatch(Code(line)))),
            static path => Assert.Matches("^src/(HvSdk/Memory|HvSdk\\.Backends\\.[A-Za-z]+)/", path));

    [Fact]
    public void Unsafe_Operations_HaveTheirReason()
    {
        var naked = new List<string>();
        foreach (string path in s_source)
        {
            string[] lines = Repository.ReadLines(path);
            for (int i = 0; i < lines.Length; i++)
            {
                bool hasReason = lines[int.Max(0, i - Near)..int.Min(lines.Length, i + 2)].Any(static line => line.Contains("SAFETY:", StringComparison.Ordinal));
                if (UnsafeOperation().IsMatch(Code(lines[i])) && !hasReason)
                {
                    naked.Add($"{path}:{i + 1}: {lines[i].Trim()}");
                }
            }
        }

        Assert.True(naked.Count == 0, $"// SAFETY: is missing near\n{string.Join('\n', naked)}");
    }

    [Fact]
    public void PlatformInvoke_Results_AreUsed()
    {
        // A call whose result is dropped stands alone as a statement: "LibC.close(fd);". "_ = LibC..." says that dropping is meant.
        var dropped = new List<string>();
        foreach (string path in s_source)
        {
            string[] lines = Repository.ReadLines(path);
            dropped.AddRange(lines.Where(static line => DroppedCall().IsMatch(line)).Select(line => $"{path}: {line.Trim()}"));
        }

        Assert.True(dropped.Count == 0, string.Join('\n', dropped));
    }

    [Fact]
    public void PlatformInvoke_Declarations_AreInInteropAndGenerated()
    {
        foreach (string path in s_source)
        {
            string text = Repository.Read(path);
            Assert.DoesNotMatch(@"\[DllImport", text);
            Assert.True(!text.Contains("[LibraryImport", StringComparison.Ordinal) || path.Contains("/Interop/", StringComparison.Ordinal), path);
        }
    }

    [Fact]
    public void Source_Unfinished_IsNot() =>
        Assert.All(
            Repository.Files("", "*.cs").Where(static path => !path.EndsWith($"{nameof(SourceTests)}.cs", StringComparison.Ordinal)),
            static path => Assert.DoesNotMatch(@"\bTODO\b|\bFIXME\b|NotImplementedException", Repository.Read(path)));

    [Fact]
    public void Tests_Names_AreSubjectSituationResult()
    {
        foreach (string path in Repository.Files("tests", "*.cs"))
        {
            foreach (Match test in TestMethod().Matches(Repository.Read(path)))
            {
                string name = test.Groups["name"].Value;
                Assert.True(name.Count(static c => c == '_') == 2, $"{path}: {name} is not Subject_Situation_Result");
            }
        }
    }

    /// <summary>The line without comment and strings.</summary>
    private static string Code(string line) => Strings().Replace(Comment().Replace(line, ""), "\"\"");

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafeWord();

    // What needs a reason: pinning, a span over a pointer, an access through a computed pointer, a pointer kept in a field.
    [GeneratedRegex(@"\bfixed \(|new (ReadOnly)?Span<[^>]+>\((&|\()|=> new\(\(byte\*\)|^\s*private readonly \w+\* ")]
    private static partial Regex UnsafeOperation();

    [GeneratedRegex(@"^\s*(LibC|WinHv|Hvf?)\.\w+\(.*\);\s*$")]
    private static partial Regex DroppedCall();

    [GeneratedRegex(@"\[(Fact|Theory)[^\]]*\](\s*\[[^\]]*\](\s*//[^\n]*)?)*\s*public (async )?[\w<>]+ (?<name>\w+)\(")]
    private static partial Regex TestMethod();

    [GeneratedRegex("//.*$")]
    private static partial Regex Comment();

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Strings();
}
