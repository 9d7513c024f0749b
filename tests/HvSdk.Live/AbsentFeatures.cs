namespace HvSdk.Live;

/// <summary>
/// Features that a hypervisor does not have by its nature, whatever its version. A test that needs one has nothing to show there: it is skipped
/// with the reason. Whatever else is refused fails the test.
/// </summary>
public static class AbsentFeatures
{
    private static readonly (string Backend, HypervisorFeatures Feature, string Why)[] s_table =
    [
        ("WHP", HypervisorFeatures.FullInterruptController, "The platform keeps local APICs and no other interrupt chip."),
        ("WHP", HypervisorFeatures.TimerChip, "The platform keeps no timer chip."),
        ("WHP", HypervisorFeatures.HugePages, "Windows chooses the pages of sections itself."),
        ("WHP", HypervisorFeatures.TscFrequencyControl, "The platform's time-stamp counter has the processor's frequency."),
    ];

    /// <summary>The lines of the table, for documents.</summary>
    public static IReadOnlyList<(string Backend, HypervisorFeatures Feature, string Why)> Table => s_table;

    /// <summary>Skips the test where the refusal is of a feature in the table.</summary>
    /// <param name="refusal">What <see cref="HypervisorCapabilities.Require"/> threw.</param>
    public static void SkipIfKnown(NotSupportedException refusal)
    {
        foreach ((string backend, HypervisorFeatures feature, string why) in s_table)
        {
            if (refusal.Message.StartsWith($"{backend} on this machine", StringComparison.Ordinal)
                && refusal.Message.Contains($"does not offer {feature}.", StringComparison.Ordinal))
            {
                Xunit.Assert.Skip($"Not possible on {backend}: {why}");
            }
        }
    }
}
