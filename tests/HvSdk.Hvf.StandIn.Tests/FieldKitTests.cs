using System.Globalization;
using HvSdk.Live;
using HvSdk.Live.Transcripts;

namespace HvSdk.Hvf.StandIn.Tests;

/// <summary>The field kit over the stand-in: what it asks Hypervisor.framework, the behaviours that it runs, and its transcript read back.</summary>
public sealed class FieldKitTests(StandIn standIn)
{
    private const string Newest = "26";

    private static readonly FieldKitRuns s_kit = new("hvf");

    [Fact]
    public async Task Kit_OverStandIn_WritesATranscriptOfTheChosenBehaviours()
    {
        standIn.Backend();
        CommandResult result = await s_kit.RunAsync(
            "chosen", Variables(Newest), "--class", "Arm64RegisterTests", "--class", "RegisterTests", "--class", "ManyPartitionsTests");

        Assert.True(result.ExitCode == 0, result.ToString());
        Transcript transcript = s_kit.ReadTranscript("chosen");
        Assert.Equal("HVF", transcript.Hypervisor.Backend);
        Assert.True(transcript.Hypervisor.IsAvailable, transcript.Hypervisor.Reason);
        Assert.Contains(nameof(HypervisorFeatures.FullInterruptController), transcript.Hypervisor.Features);
        Assert.Equal(["ManyPartitionsTests", "RegisterTests", "Arm64RegisterTests"], transcript.Behaviours.Select(static behaviour => behaviour.TestClass));
        Assert.All(transcript.Behaviours, static behaviour => Assert.False(behaviour.HasTrouble(), behaviour.ToString()));

        // As on a Mac: a process has one virtual machine, and guests are AArch64's.
        Assert.Equal(1, transcript.Behaviours[0].Count(TestOutcome.NotPossible));
        Assert.Equal(transcript.Behaviours[1].Tests.Count, transcript.Behaviours[1].Count(TestOutcome.NotPossible));
        Assert.Equal(transcript.Behaviours[2].Tests.Count, transcript.Behaviours[2].Count(TestOutcome.Passed));
        Assert.NotEmpty(transcript.Behaviours[2].Tests);
    }

    [Fact]
    public async Task Transcript_ReadBack_IsWhatWasWritten()
    {
        standIn.Backend();
        CommandResult result = await s_kit.RunAsync("read", Variables(Newest), "--probe-only");

        Assert.True(result.ExitCode == 0, result.ToString());
        Transcript transcript = s_kit.ReadTranscript("read");
        string text = s_kit.ReadText("read");
        Assert.Equal(transcript.ToJson(), s_kit.ReadJson("read"));
        Assert.Equal(TranscriptText.Format(transcript), text);
        Assert.Contains($"\n  hv_vm_get_max_vcpu_count: {AnswerTo("hv_vm_get_max_vcpu_count", transcript)}\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain(SourceTree.Root, text, StringComparison.Ordinal);
        Assert.Empty(transcript.Behaviours);
    }

    /// <summary>What the reader believes of a function's first macOS is what the stand-in for each macOS has; and no number is made up where there is no function.</summary>
    [Theory]
    [InlineData("11")]
    [InlineData("13")]
    [InlineData("15")]
    [InlineData(Newest)]
    public async Task Platform_OfEachMacOs_HasTheFunctionsThatTheReaderExpects(string macOs)
    {
        standIn.Backend();
        CommandResult result = await s_kit.RunAsync($"macos-{macOs}", Variables(macOs), "--probe-only");

        Assert.True(result.ExitCode == 0, result.ToString());
        Transcript transcript = s_kit.ReadTranscript($"macos-{macOs}");
        PlatformAnswer[] functions = [.. transcript.Platform.Where(static answer => answer.Question.EndsWith(')'))];
        Assert.NotEmpty(functions);
        Assert.All(functions, function => Assert.Equal(SinceOf(function) <= Number(macOs) ? "there" : "missing", function.Answer));

        Assert.Equal($"{macOs}.0", AnswerTo("kern.osproductversion", transcript));
        Assert.Equal("1", AnswerTo("kern.hv_support", transcript));
        Assert.Equal("16384", AnswerTo("hw.pagesize", transcript));
        Assert.Equal($"{transcript.Hypervisor.MaxVcpus}", AnswerTo("hv_vm_get_max_vcpu_count", transcript));
        string addressBits = AnswerTo("hv_vm_config_get_max_ipa_size", transcript);
        Assert.Equal(Number(macOs) < Number("13") ? "missing" : $"{transcript.Hypervisor.AddressBits}", addressBits);
        Assert.Equal(Number(macOs) < Number("15"), AnswerTo("hv_gic_get_distributor_size", transcript) == "missing");
        Assert.StartsWith("0x", AnswerTo("feature register 0", transcript), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kit_WithoutTheFramework_SaysSoAndWritesItDown()
    {
        standIn.Backend();
        var variables = new Dictionary<string, string> { ["HVSDK_HVF_LIBRARY"] = "/no/such/framework" };
        CommandResult result = await s_kit.RunAsync("none", variables, "--class", "Arm64RegisterTests");

        Assert.Equal(3, result.ExitCode);
        Transcript transcript = s_kit.ReadTranscript("none");
        Assert.False(transcript.Hypervisor.IsAvailable);
        Assert.StartsWith("/no/such/framework cannot be loaded", transcript.Hypervisor.Reason, StringComparison.Ordinal);
        Assert.StartsWith("Name a library", transcript.Hypervisor.Remedy, StringComparison.Ordinal);
        Assert.Empty(transcript.Platform);
        Assert.Empty(transcript.Behaviours);
    }

    private static Dictionary<string, string> Variables(string macOs) => new()
    {
        ["HVSDK_HVF_LIBRARY"] = StandIn.LibraryOf(macOs),
        ["LD_PRELOAD"] = StandIn.MacPages,
        ["HVSDK_TEST_TIMEOUT_SECONDS"] = "120",
    };

    private static string AnswerTo(string question, Transcript transcript) => Assert.Single(transcript.Platform, answer => answer.Question == question).Answer;

    /// <summary>"hv_gic_create (15)": 15.0.</summary>
    private static decimal SinceOf(PlatformAnswer function) => Number(function.Question[(function.Question.LastIndexOf('(') + 1)..^1]);

    private static decimal Number(string macOs) => decimal.Parse(macOs, CultureInfo.InvariantCulture);
}
