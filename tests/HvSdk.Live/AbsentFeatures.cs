namespace HvSdk.Live;

/// <summary>
/// What a hypervisor refuses by its nature, or by its version. A test that needs it has nothing to show there: it is skipped
/// with the reason. Whatever else is refused fails the test.
/// </summary>
public static class AbsentFeatures
{
    private static readonly (string Backend, string Host, string Refusal, string Why)[] s_table =
    [
        ("WHP", "", "does not offer FullInterruptController", "The platform keeps local APICs and no other interrupt chip."),
        ("WHP", "", "does not offer TimerChip", "The platform keeps no timer chip."),
        ("WHP", "", "does not offer MemoryDiscard", "Windows takes the pages of a section back with the section alone."),
        ("WHP", "", "does not offer HugePages", "Windows chooses the pages of sections itself."),
        ("WHP", "", "does not offer CounterFrequencyControl", "The platform's time-stamp counter has the processor's frequency."),
        ("WHP", "", "and the platform lets one partition of a process have any", "The platform lets one partition of a process have memory."),
        ("HVF", "", "allows one virtual machine in a process", "The framework allows one virtual machine in a process."),
        ("HVF", "", "does not offer MemoryDiscard", "The backend does not take pages back from the framework."),
        ("WHP", "", "and this Windows does not let its accesses leave", "Windows versions without WHvPartitionPropertyCodeMsrActionList, and the stand-in, keep the MSRs that the platform handles."),
        ("KVM", "kvm_arm64", "does not offer HypercallExits", "Linux on arm64 lets calls leave from 6.4 on."),
        ("KVM", "kvm_arm64", "does not offer RegisterExits", "KVM on arm64 raises the guest's exception at system registers that it does not know."),
        ("KVM", "kvm_arm64", "and this KVM offers 0", "Linux on arm64 has dirty rings from 6.2 on."),
    ];

    private const string OtherReason = "Not possible: it is a test of ";
    private const string BackendReason = "Not possible on ";

    /// <summary>The lines of the table, for documents. A host is the first word of <see cref="HypervisorCapabilities.HostDescription"/>; empty: every host of the backend.</summary>
    public static IReadOnlyList<(string Backend, string Host, string Refusal, string Why)> Table => s_table;

    /// <summary>Whether a test was skipped because of a line of the table.</summary>
    /// <param name="reason">The reason that it gave.</param>
    public static bool IsReason(string reason) => reason.StartsWith(OtherReason, StringComparison.Ordinal) || Array.Exists(s_table, line => reason == Reason(line.Backend, line.Why));

    /// <summary>The reason of a test that belongs to another backend.</summary>
    /// <param name="backend">The backend under test.</param>
    /// <param name="owner">Whose test it is.</param>
    internal static string ReasonForOther(string backend, string owner) => $"{OtherReason}{owner}, and this is {backend}.";

    /// <summary>The reason of a test whose subject one architecture alone has.</summary>
    /// <param name="backend">The backend under test, of the other architecture.</param>
    /// <param name="why">What the other lacks.</param>
    internal static string ReasonForArchitecture(string backend, string why) => $"{OtherReason}x86-64, and guests of {backend} are AArch64: {why}";

    /// <summary>Skips the test where the refusal is of a feature in the table.</summary>
    /// <param name="refusal">What <see cref="HypervisorCapabilities.Require"/> threw, or a call that the hypervisor refused.</param>
    public static void SkipIfKnown(Exception refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        foreach ((string backend, string host, string text, string why) in s_table)
        {
            if (refusal.Message.StartsWith(backend, StringComparison.Ordinal) && refusal.Message.Contains(text, StringComparison.Ordinal)
                && (host.Length == 0 || LiveHypervisor.Capabilities.HostDescription.StartsWith(host, StringComparison.Ordinal)))
            {
                Xunit.Assert.Skip(Reason(backend, why));
            }
        }
    }

    /// <summary>What a table says of a reason: the reason itself, without what the table says already.</summary>
    /// <param name="reason">A reason of this class.</param>
    internal static string Shorten(string reason) =>
        reason.StartsWith(BackendReason, StringComparison.Ordinal) ? reason[(reason.IndexOf(": ", StringComparison.Ordinal) + 2)..]
        : reason.StartsWith(OtherReason, StringComparison.Ordinal) && reason.IndexOf(": ", OtherReason.Length, StringComparison.Ordinal) is > 0 and var why ? reason[(why + 2)..]
        : reason.StartsWith(OtherReason, StringComparison.Ordinal) ? $"It is {reason[OtherReason.Length..reason.IndexOf(',', StringComparison.Ordinal)]}'s own."
        : reason;

    private static string Reason(string backend, string why) => $"{BackendReason}{backend}: {why}";
}
