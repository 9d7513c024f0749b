using System.Text;

namespace HvSdk.Live.Transcripts;

/// <summary>A transcript as people read it.</summary>
public static class TranscriptText
{
    /// <summary>Writes it: the machine, the hypervisor, a line for each behaviour, and then what went wrong.</summary>
    /// <param name="transcript">The transcript.</param>
    public static string Format(Transcript transcript)
    {
        ArgumentNullException.ThrowIfNull(transcript);
        var text = new StringBuilder();
        text.Append(null, $"HvSdk {transcript.Version}: transcript of the field kit, format {transcript.Format}, {transcript.Date}\n\n");
        HostFacts host = transcript.Host;
        text.Append(null, $"System      {host.System}{Suffix(host.SystemBuild)}\n");
        text.Append(null, $"Processor   {host.Processor} ({host.ProcessorSignature}), {host.Processors} logical processors, {host.MemoryGiB} GiB\n");
        text.Append(null, $"Runs under  {(host.OuterHypervisor.Length > 0 ? host.OuterHypervisor : "no hypervisor that shows itself")}\n");
        text.Append(null, $"Runtime     .NET {host.Runtime}\n\n");
        AppendHypervisor(text, transcript.Hypervisor);
        foreach (PlatformAnswer answer in transcript.Platform)
        {
            text.Append(null, $"  {answer.Question}: {answer.Answer}\n");
        }

        if (transcript.Behaviours.Count == 0)
        {
            return text.ToString();
        }

        text.Append("\nBehaviours\n");
        foreach (BehaviourResult behaviour in transcript.Behaviours)
        {
            text.Append(null, $"{behaviour.Number,4}  {(behaviour.HasTrouble() ? "NO" : "ok"),-3} {behaviour.Summary} [{behaviour.TestClass}: {behaviour}]\n");
        }

        AppendDetails(text, transcript.Behaviours);
        text.Append(null, $"\n{Summarize(transcript)}\n");
        return text.ToString();
    }

    /// <summary>All counts in one line.</summary>
    /// <param name="transcript">The transcript.</param>
    public static string Summarize(Transcript transcript)
    {
        ArgumentNullException.ThrowIfNull(transcript);
        return $"{transcript.Count(TestOutcome.Passed)} passed, {transcript.Count(TestOutcome.Failed, TestOutcome.Hung, TestOutcome.Crashed)} failed, "
            + $"{transcript.Count(TestOutcome.Skipped, TestOutcome.LeftOut)} skipped, {transcript.Count(TestOutcome.NotPossible)} not possible";
    }

    private static void AppendHypervisor(StringBuilder text, HypervisorFacts facts)
    {
        text.Append($"{facts.Backend}: {(facts.IsAvailable ? "available" : "not available")}. {facts.Reason} {facts.Remedy}".TrimEnd()).Append('\n');
        if (facts.IsAvailable)
        {
            text.Append(null, $"  offers {string.Join(", ", facts.Features)}; {facts.MaxVcpus} vCPUs; {facts.AddressBits} address bits\n");
        }
    }

    private static void AppendDetails(StringBuilder text, IEnumerable<BehaviourResult> behaviours)
    {
        foreach (BehaviourResult behaviour in behaviours)
        {
            foreach (TestEntry test in behaviour.Tests.Where(static test => test.Outcome is not (TestOutcome.Passed or TestOutcome.NotPossible)))
            {
                text.Append(null, $"\n{behaviour.Number} {behaviour.TestClass}.{test.Name}: {test.Outcome}\n");
                foreach (string line in test.Message.Split('\n'))
                {
                    text.Append(null, $"    {line}\n");
                }
            }
        }
    }

    private static string Suffix(string build) => build.Length > 0 ? $" (build {build})" : "";
}
