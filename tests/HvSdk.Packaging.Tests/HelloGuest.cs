using HvSdk.Live;

namespace HvSdk.Packaging.Tests;

/// <summary>The program of samples/HelloGuest, built and run in other ways than the sample's own.</summary>
internal static class HelloGuest
{
    public static string Source { get; } = Path.Combine(PackageFeed.Repository, "samples", "HelloGuest", "Program.cs");

    /// <summary>Asserts that it ran its guest; where this machine has no hypervisor, that it said so, and then skips.</summary>
    public static void AssertRan(CommandResult run)
    {
        BackendProbe probe = Hypervisor.Probe(LiveHypervisor.Backend).Backends[0];
        if (!probe.IsAvailable)
        {
            Assert.True(run.ExitCode == 1, run.ToString());
            Assert.Contains(probe.ToString(), run.Output, StringComparison.Ordinal);
            LiveHypervisor.SkipOrFail("kvm", probe.ToString());
        }

        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains("Hello from a guest!", run.Output, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(run.Output);
    }
}
