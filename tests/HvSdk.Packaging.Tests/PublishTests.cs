using System.Text.RegularExpressions;
using HvSdk.Live;

namespace HvSdk.Packaging.Tests;

/// <summary>What the linker and the AOT compiler say of all packages together, and whether their result runs.</summary>
public sealed partial class PublishTests : IDisposable
{
    private const string Runtime = "linux-x64";

    private static readonly Dictionary<string, string> s_noVariables = [];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-publish-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Publish_TrimmedSelfContained_WarnsOfNothingAndRuns()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), $"The application is published for {Runtime} and run.");

        CommandResult publish = await PublishAsync("--self-contained", "-p:PublishTrimmed=true");

        AssertClean(publish);
        HelloGuest.AssertRan(await RunAsync(), "Hello from a guest!");
    }

    [Fact]
    public async Task Publish_Aot_WarnsOfNothingAndRunsWhereTheCompilerCanBeHad()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), $"The application is published for {Runtime} and run.");

        CommandResult publish = await PublishAsync("-p:PublishAot=true");

        // One failure is not ours: a registry that does not have the compiler's runtime for this version of .NET. It is that one
        // failure only where no other error is reported.
        string[] errors = [.. ErrorLine().Matches(publish.Output).Select(match => match.Groups["error"].Value.Trim()).Distinct()];
        if (publish.ExitCode != 0 && errors.Length > 0 && errors.All(MissingAotRuntime().IsMatch))
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"PublishAot: not available: {errors[0]}");
            return;
        }

        AssertClean(publish);
        HelloGuest.AssertRan(await RunAsync(), "Hello from a guest!");
        TestContext.Current.TestOutputHelper?.WriteLine("PublishAot: published without warnings, and ran.");
    }

    private Task<CommandResult> PublishAsync(params string[] arguments) => DotnetCommand.RunAsync(
        PackageFeed.Repository,
        s_noVariables,
        [
            "publish", Path.Combine("tests", "HvSdk.TrimmedApp"), "-c", "Release", "-r", Runtime,
            "--artifacts-path", Path.Combine(_folder.FullName, "artifacts"), "-o", Output, .. arguments,
        ]);

    private Task<CommandResult> RunAsync() => DotnetCommand.RunProgramAsync(Path.Combine(Output, "HvSdk.TrimmedApp"), _folder.FullName, s_noVariables);

    private string Output => Path.Combine(_folder.FullName, "out");

    private static void AssertClean(CommandResult publish)
    {
        Assert.True(publish.ExitCode == 0, publish.ToString());
        Assert.False(IlWarning().IsMatch(publish.Output), publish.ToString());
    }

    [GeneratedRegex(@"\bIL\d{4}\b")]
    private static partial Regex IlWarning();

    [GeneratedRegex(@"(?<error>\berror [^\[\r\n]*)")]
    private static partial Regex ErrorLine();

    [GeneratedRegex(@"^error NU1101: Unable to find package Microsoft\.NETCore\.App\.Runtime\.NativeAOT\.linux-x64\.")]
    private static partial Regex MissingAotRuntime();
}
