using HvSdk.Live.Behaviours;
using HvSdk.Live.Transcripts;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The form of transcripts, and what docs/backends.md takes from them.</summary>
public sealed class TranscriptTests
{
    private static Transcript Example { get; } = new(
        Transcript.CurrentFormat,
        "0.1.0",
        "2026-11-29",
        new HostFacts("Microsoft Windows 10.0.26100", "26100.4351 24H2 Professional", "A processor", "GenuineIntel 0xB06A2", 16, 32, "Microsoft Hv", "10.0.12"),
        new HypervisorFacts("WHP", true, "whp, Microsoft Windows 10.0.26100", "", ["ReadOnlyMemory"], 64, 39),
        [new PlatformAnswer("WHvRequestInterrupt", "there")],
        [
            new BehaviourResult(4, "PortTests", "Ports.", [new TestEntry("A_B_C", TestOutcome.Passed, ""), new TestEntry("D_E_F", TestOutcome.NotPossible, "No.")]),
            new BehaviourResult(7, "MmioTests", "Devices.", [new TestEntry("A_B_C", TestOutcome.Hung, "It had not ended\nafter 5 s.")]),
        ]);

    [Fact]
    public void Parse_OfWhatWasWritten_IsTheSame()
    {
        string json = Example.ToJson();

        Assert.Equal(json, Transcript.Parse(json).ToJson());
        Assert.Contains("\"outcome\": \"notPossible\"", json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "no transcript of the field kit")]
    [InlineData("[]", "no number 'format'")]
    [InlineData("{\"format\": \"1\"}", "no transcript of the field kit")]
    [InlineData("{\"format\": 2}", "of format 2, and this reads 1")]
    [InlineData("{\"format\": 1}", "no transcript of the field kit")]
    [InlineData("{\"format\": 1, \"more\": 2}", "no transcript of the field kit")]
    public void Parse_OfWhatIsNone_SaysWhy(string json, string why) =>
        Assert.Contains(why, Assert.Throws<FormatException>(() => Transcript.Parse(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_OfABehaviourTwice_IsRefused()
    {
        string json = (Example with { Behaviours = [Example.Behaviours[0], Example.Behaviours[0]] }).ToJson();

        Assert.Contains("twice", Assert.Throws<FormatException>(() => Transcript.Parse(json)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Format_AsText_NamesEachBehaviourAndWhatWentWrong()
    {
        string text = TranscriptText.Format(Example);

        Assert.Contains("   4  ok  Ports. [PortTests: 1 passed, 1 not possible]\n", text, StringComparison.Ordinal);
        Assert.Contains("   7  NO  Devices. [MmioTests: 1 hung]\n", text, StringComparison.Ordinal);
        Assert.Contains("\n7 MmioTests.A_B_C: Hung\n    It had not ended\n    after 5 s.\n", text, StringComparison.Ordinal);
        Assert.EndsWith("\n1 passed, 1 failed, 0 skipped, 1 not possible\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Cell_OfTheDocument_NamesTheBuildAndTheCounts()
    {
        Assert.Equal("real (26100.4351: 1 passed, 1 not possible)", WindowsTranscripts.Cell([Example], 4));
        Assert.Equal("differs (26100.4351: 1 hung); differs (26100.4351: 1 hung)", WindowsTranscripts.Cell([Example, Example], 7));
        Assert.Equal("no transcript yet", WindowsTranscripts.Cell([Example], 5));
        Assert.Equal("no transcript yet", WindowsTranscripts.Cell([], 4));
    }

    [Fact]
    public void PersonalData_InAMessage_IsReplaced()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string text = $"The file {Path.Combine(Path.GetTempPath(), "x.tmp")} of {Environment.UserName} on {Environment.MachineName}\r\n"
            + "   at A.B() in C:\\Users\\somebody\\src\\Tests.cs:line 5\n   at A.C() in /home/somebody/src/More.cs:line 6";

        string clean = PersonalData.Remove(text);

        Assert.DoesNotContain("somebody", clean, StringComparison.Ordinal);
        Assert.DoesNotContain(Path.GetTempPath(), clean, StringComparison.Ordinal);
        Assert.Contains(" on (machine)\n", clean, StringComparison.Ordinal);
        Assert.EndsWith("\n   at A.B() in Tests.cs:line 5\n   at A.C() in More.cs:line 6", clean, StringComparison.Ordinal);
        Assert.DoesNotContain(home, PersonalData.Remove($"in {home}."), StringComparison.Ordinal);
    }
}
