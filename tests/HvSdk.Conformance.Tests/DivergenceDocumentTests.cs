using System.Text;
using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>docs/backends.md shows the table of <see cref="Divergences"/>; HVSDK_UPDATE=1 rewrites it.</summary>
public sealed class DivergenceDocumentTests
{
    private const string Begin = "<!-- divergences: written by HvSdk.Conformance.Tests with HVSDK_UPDATE=1 -->";
    private const string End = "<!-- /divergences -->";

    [Fact]
    public void Table_InDocument_IsThatOfTheTests()
    {
        // The build puts a copy beside the tests, for machines without the sources.
        string path = Path.Combine(AppContext.BaseDirectory, "backends.md");
        string document = File.ReadAllText(path);
        int begin = document.IndexOf(Begin, StringComparison.Ordinal);
        int end = document.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin, $"{path} lacks the lines that the table stands between: {Begin} and {End}");
        string expected = document[..begin] + Begin + "\n" + Format() + document[end..];
        if (Environment.GetEnvironmentVariable("HVSDK_UPDATE") == "1")
        {
            File.WriteAllText(Path.Combine(SourceTree.Root, "docs", "backends.md"), expected);
            return;
        }

        Assert.Equal(expected, document);
    }

    [Fact]
    public void Table_EachLine_IsOfOneBehaviourAndHypervisor() =>
        Assert.Equal(
            Divergences.Table.Count,
            Divergences.Table.DistinctBy(static line => (line.Behaviour, line.Hypervisor)).Count());

    private static string Format()
    {
        var text = new StringBuilder("| behaviour | hypervisor | differs | why |\n| --- | --- | --- | --- |\n");
        foreach (Divergence line in Divergences.Table)
        {
            text.Append(null, $"| {line.Behaviour} | {line.Hypervisor} | {line.Differs} | {line.Why} |\n");
        }

        return text.ToString();
    }
}
