using HvSdk.Live;

namespace HvSdk.Packaging.Tests;

/// <summary>The program of samples/HelloGuest, built and run in other ways than the sample's own.</summary>
internal static class HelloGuest
{
    public static string Source { get; } = Path.Combine(PackageFeed.Repository, "samples", "HelloGuest", "Program.cs");

    private static BackendProbe Probe { get; } = Hypervisor.Probe(LiveHypervisor.Backend).Backends[0];

    /// <summary>Skips the test where this machine has no hypervisor.</summary>
    public static void RequireHypervisor()
    {
        if (!Probe.IsAvailable)
        {
            LiveHypervisor.SkipOrFail("kvm", Probe.ToString());
        }
    }

    /// <summary>Asserts that it ran its guest; where this machine has no hypervisor, that it said so, and then skips.</summary>
    public static void AssertRan(CommandResult run, string expected)
    {
        if (!Probe.IsAvailable)
        {
            Assert.True(run.ExitCode == 1, run.ToString());
            Assert.Contains(Probe.ToString(), run.Output, StringComparison.Ordinal);
            RequireHypervisor();
        }

        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains(expected, run.Output, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(run.Output);
    }
}
