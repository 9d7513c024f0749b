namespace HvSdk.Live.Transcripts;

/// <summary>The machine, as far as it matters to a hypervisor. Nothing in it tells whose it is.</summary>
/// <param name="System">Name and version of the system.</param>
/// <param name="SystemBuild">Build and revision of Windows ("26100.4351 24H2 Professional"), or empty.</param>
/// <param name="Processor">The processor's own name.</param>
/// <param name="ProcessorSignature">Vendor, and the family, model and stepping of CPUID leaf 1, EAX.</param>
/// <param name="Processors">Number of logical processors that the process has.</param>
/// <param name="MemoryGiB">Memory, rounded.</param>
/// <param name="OuterHypervisor">The signature of the hypervisor that the system itself runs under (CPUID leaf 0x40000000), or empty.</param>
/// <param name="Runtime">Version of .NET.</param>
public sealed record HostFacts(
    string System, string SystemBuild, string Processor, string ProcessorSignature, int Processors, int MemoryGiB, string OuterHypervisor, string Runtime);

/// <summary>What the backend says of the hypervisor.</summary>
/// <param name="Backend">The backend: "WHP".</param>
/// <param name="IsAvailable">The probe found one.</param>
/// <param name="Reason">What it found, or why there is none.</param>
/// <param name="Remedy">What to do where there is none.</param>
/// <param name="Features">What it offers, of <see cref="HypervisorFeatures"/>.</param>
/// <param name="MaxVcpus">Most vCPUs of a partition; 0 where there is none.</param>
/// <param name="AddressBits">Width of guest-physical addresses; 0 where there is none.</param>
public sealed record HypervisorFacts(string Backend, bool IsAvailable, string Reason, string Remedy, IReadOnlyList<string> Features, int MaxVcpus, int AddressBits);

/// <summary>An answer of the platform's library.</summary>
/// <param name="Question">What was asked: an export, or a capability by its code.</param>
/// <param name="Answer">What it said: "there", "missing", bytes in hexadecimal, or a result.</param>
public sealed record PlatformAnswer(string Question, string Answer);

/// <summary>A behaviour on a machine.</summary>
/// <param name="Number">Its number.</param>
/// <param name="TestClass">Its class of tests.</param>
/// <param name="Summary">What it is about.</param>
/// <param name="Tests">Its tests, in the order of their names.</param>
public sealed record BehaviourResult(int Number, string TestClass, string Summary, IReadOnlyList<TestEntry> Tests)
{
    private static readonly TestOutcome[] s_bad = [TestOutcome.Failed, TestOutcome.Hung, TestOutcome.Crashed];

    /// <summary>Tests that ended in one of the ways.</summary>
    /// <param name="outcomes">The ways.</param>
    public int Count(params ReadOnlySpan<TestOutcome> outcomes)
    {
        int count = 0;
        foreach (TestEntry test in Tests)
        {
            count += outcomes.Contains(test.Outcome) ? 1 : 0;
        }

        return count;
    }

    /// <summary>In few words: "12 passed, 1 failed".</summary>
    public override string ToString()
    {
        (string Name, int Count)[] counts =
        [
            ("passed", Count(TestOutcome.Passed)), ("failed", Count(TestOutcome.Failed)), ("hung", Count(TestOutcome.Hung)), ("crashed", Count(TestOutcome.Crashed)),
            ("not possible", Count(TestOutcome.NotPossible)), ("skipped", Count(TestOutcome.Skipped)), ("left out", Count(TestOutcome.LeftOut)),
        ];
        string text = string.Join(", ", counts.Where(static part => part.Count > 0).Select(static part => $"{part.Count} {part.Name}"));
        return text.Length > 0 ? text : "no tests";
    }

    /// <summary>Something in it went wrong.</summary>
    public bool HasTrouble() => Count(s_bad) > 0;
}

/// <summary>A test of a behaviour.</summary>
/// <param name="Name">The method and its arguments, without its class.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Message">Why; empty where it passed.</param>
public sealed record TestEntry(string Name, TestOutcome Outcome, string Message);
