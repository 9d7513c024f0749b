namespace HvSdk.VirtualMachines.Tests.Documents;

/// <summary>What docs/devices.md shows of machines is code of this project, which compiles and runs.</summary>
public sealed class DevicesDocumentTests
{
    [Theory]
    [InlineData("Thermometer.cs")]
    [InlineData("ThermometerTests.cs")]
    public async Task Document_Samples_AreTheCodeOfTheseTests(string source)
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        string folder = Path.Combine(AppContext.BaseDirectory, "documents");
        string document = (await File.ReadAllTextAsync(Path.Combine(folder, "devices.md"), token)).ReplaceLineEndings("\n");
        string code = (await File.ReadAllTextAsync(Path.Combine(folder, source), token)).ReplaceLineEndings("\n");
        string[] lines = code.Split("// >>>\n")[1].Split("// <<<")[0].TrimEnd().Split('\n');
        int indent = lines.Where(static line => line.Length > 0).Min(static line => line.Length - line.TrimStart().Length);

        string shown = string.Join('\n', lines.Select(line => line.Length > indent ? line[indent..] : ""));

        Assert.True(document.Contains($"```csharp\n{shown}\n```", StringComparison.Ordinal), $"docs/devices.md does not have this piece of {source}:\n{shown}");
    }
}
