using HvSdk.Live;
using HvSdk.Live.Transcripts;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The field kit over the stand-in: on Linux, where it is quick, and as users get it.</summary>
public sealed class FieldKitTests(StandIn standIn, ITestOutputHelper output) : IClassFixture<StandIn>
{
    private static readonly Dictionary<string, string> s_noSwitches = [];

    [Fact]
    public async Task KitPublishedForWindows_UnderWine_PassesTheWholeSuite()
    {
        standIn.RequireKvm();
        CommandResult result = await FieldKit.RunUnderWineAsync("wine", "--leave-out", Path.Combine(SourceTree.Root, "tests", "HvSdk.Whp.StandIn.Tests", "wine-left-out.txt"));

        output.WriteLine(result.ToString());
        Transcript transcript = FieldKit.ReadTranscript("wine");
        int failed = transcript.Count(TestOutcome.Failed, TestOutcome.Hung, TestOutcome.Crashed);
        string results = Path.Combine(SourceTree.Root, "artifacts", "nested-results");
        Directory.CreateDirectory(results);
        await File.WriteAllTextAsync(
            Path.Combine(results, $"{Behaviour.Suite}.wine.counts"), $"{transcript.Count(TestOutcome.Passed)} {failed} {transcript.Count(TestOutcome.Skipped)}\n", TestContext.Current.CancellationToken);
        Assert.True(result.ExitCode == 0, FieldKit.ReadText("wine"));
        Assert.Equal((0, 0), (failed, transcript.Count(TestOutcome.Skipped)));
        Assert.StartsWith("Microsoft Windows", transcript.Host.System, StringComparison.Ordinal);
        Assert.All(Listed(), behaviour => Assert.Contains(transcript.Behaviours, result => result.Number == behaviour.Number && result.Tests.Count > 0));
    }

    [Fact]
    public async Task Kit_OnLinux_WritesATranscriptOfTheChosenBehaviours()
    {
        standIn.RequireKvm();
        CommandResult result = await FieldKit.RunAsync("linux", s_noSwitches, "--class", "PortTests", "--class", "ManyPartitionsTests");

        Assert.True(result.ExitCode == 0, result.ToString());
        Transcript transcript = FieldKit.ReadTranscript("linux");
        Assert.Equal(["ManyPartitionsTests", "PortTests"], transcript.Behaviours.Select(static behaviour => behaviour.TestClass));
        Assert.True(transcript.Behaviours[1].Count(TestOutcome.Passed) > 0 && !transcript.Behaviours[1].HasTrouble(), transcript.Behaviours[1].ToString());

        // As on Windows: one partition of a process has memory.
        Assert.Equal(1, transcript.Behaviours[0].Count(TestOutcome.NotPossible));
        Assert.Contains(new PlatformAnswer("WHvRequestInterrupt", "there"), transcript.Platform);
        Assert.Contains(new PlatformAnswer("capability 0x7FFF", "0x80370300"), transcript.Platform);
        string text = FieldKit.ReadText("linux");
        Assert.Equal(TranscriptText.Format(transcript), text);
        Assert.DoesNotContain(SourceTree.Root, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kit_TestsThatDoNotEnd_AreEachWrittenDown()
    {
        standIn.RequireKvm();

        // No process comes to its end in that time.
        CommandResult result = await FieldKit.RunAsync("hung", s_noSwitches, "--class", "HostStatisticsTests", "--limit", "0.01");

        Assert.Equal(1, result.ExitCode);
        BehaviourResult behaviour = Assert.Single(FieldKit.ReadTranscript("hung").Behaviours);
        Assert.NotEmpty(behaviour.Tests);
        Assert.All(behaviour.Tests, static test => Assert.Equal((TestOutcome.Hung, "It had not ended after 0.01 s."), (test.Outcome, test.Message)));
    }

    [Fact]
    public async Task Kit_TestsLeftOut_AreNamedWithTheirReason()
    {
        standIn.RequireKvm();
        Directory.CreateDirectory(FieldKit.Results);
        string list = Path.Combine(FieldKit.Results, "left-out.txt");
        await File.WriteAllTextAsync(list, "# a comment\nHostStatisticsTests.Nothing_There_IsThis | none\n", TestContext.Current.CancellationToken);
        CommandResult wrong = await FieldKit.RunAsync("left-out", s_noSwitches, "--class", "HostStatisticsTests", "--leave-out", list);
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("names HostStatisticsTests.Nothing_There_IsThis, and the suite has no such test.", wrong.Output, StringComparison.Ordinal);

        await File.WriteAllTextAsync(list, "PortTests.PortRead_Unanswered_GivesOnes | why\n", TestContext.Current.CancellationToken);
        CommandResult result = await FieldKit.RunAsync("left-out", s_noSwitches, "--class", "PortTests", "--leave-out", list);

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains(new TestEntry("PortRead_Unanswered_GivesOnes", TestOutcome.LeftOut, "why"), FieldKit.ReadTranscript("left-out").Behaviours[0].Tests);
    }

    [Fact]
    public async Task Kit_WithoutHypervisor_SaysSoAndWritesItDown()
    {
        standIn.RequireKvm();
        CommandResult result = await FieldKit.RunAsync("none", new Dictionary<string, string> { ["NO_HYPERVISOR"] = "1" });

        Assert.Equal(3, result.ExitCode);
        Transcript transcript = FieldKit.ReadTranscript("none");
        Assert.False(transcript.Hypervisor.IsAvailable);
        Assert.EndsWith("no hypervisor is running under Windows.", transcript.Hypervisor.Reason, StringComparison.Ordinal);
        Assert.StartsWith("Switch virtualization on", transcript.Hypervisor.Remedy, StringComparison.Ordinal);
        Assert.Contains(new PlatformAnswer("capability 0x0001", "0xC0351000"), transcript.Platform);
        Assert.Empty(transcript.Behaviours);
    }

    [Theory]
    [InlineData("There is no option '--more'.", "--more")]
    [InlineData("--out needs a value after it.", "--out")]
    [InlineData("--limit takes seconds, more than 0 and at most a day (86400), and not '0'.", "--limit", "0")]
    [InlineData("--class NoTests: the suite has no such class. It has AllocationTests, ", "--class", "NoTests")]
    public async Task Kit_WrongOptions_SaysWhich(string expected, params string[] arguments)
    {
        standIn.RequireBuild();
        CommandResult result = await FieldKit.RunAsync("options", s_noSwitches, arguments);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.Output, StringComparison.Ordinal);
        Assert.Contains("Usage: ", result.Output, StringComparison.Ordinal);
    }

    private static IReadOnlyList<Behaviour> Listed() =>
        Behaviour.ParseList(File.ReadAllText(Path.Combine(SourceTree.Root, "tests", Behaviour.Suite, "behaviours.txt")));
}
