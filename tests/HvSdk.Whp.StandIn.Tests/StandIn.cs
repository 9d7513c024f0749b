using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The stand-in of tests/whp-standin, built once for all tests.</summary>
public sealed class StandIn : IAsyncLifetime
{
    // A build takes less than a minute; a limit is for one that hangs.
    private static readonly TimeSpan s_buildLimit = TimeSpan.FromMinutes(10);

    /// <summary>Its sources.</summary>
    internal static string Sources { get; } = Path.Combine(SourceTree.Root, "tests", "whp-standin");

    /// <summary>Where build.sh puts what it makes.</summary>
    internal static string Output { get; } = Path.Combine(SourceTree.Root, "artifacts", "whp-standin");

    /// <summary>Why it cannot be built, or null.</summary>
    private string? _failure;

    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            _failure = "The stand-in is for Linux.";
            return;
        }

        CommandResult build = await Command.RunAsync(new ProcessStartInfo(Path.Combine(Sources, "build.sh")), s_buildLimit);
        _failure = build.ExitCode == 0 ? null : build.ToString();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Skips the test where the stand-in cannot be built, or fails it where HVSDK_REQUIRE names "whp-standin".</summary>
    internal void RequireBuild()
    {
        if (_failure is not null)
        {
            LiveHypervisor.SkipOrFail("whp-standin", _failure);
        }
    }

    /// <summary>The same where KVM does not open.</summary>
    internal void RequireKvm()
    {
        RequireBuild();
        try
        {
            using FileStream device = new("/dev/kvm", FileMode.Open, FileAccess.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LiveHypervisor.SkipOrFail("kvm", $"/dev/kvm does not open: {e.Message}");
        }
    }
}
