using System.Diagnostics;
using HvSdk.Backends.Hvf;
using HvSdk.Hvf.StandIn.Tests;
using HvSdk.Live;

[assembly: AssemblyFixture(typeof(StandIn))]

namespace HvSdk.Hvf.StandIn.Tests;

/// <summary>The stand-in of tests/hvf-standin, built once for all tests and loaded into this process.</summary>
public sealed class StandIn : IAsyncLifetime
{
    // A build takes less than a minute; a limit is for one that hangs.
    private static readonly TimeSpan s_buildLimit = TimeSpan.FromMinutes(10);
    private static readonly string s_output = Path.Combine(SourceTree.Root, "artifacts", "hvf-standin");

    /// <summary>The library.</summary>
    internal static string Library { get; } = Path.Combine(s_output, "libhvf-standin.so");

    /// <summary>The library that stands for one macOS.</summary>
    /// <param name="macOs">Its version: 11, 13, 15 or 26.</param>
    internal static string LibraryOf(string macOs) => Path.Combine(s_output, macOs, "libhvf-standin.so");

    /// <summary>What maps files as a Mac does (R-MEM-13), to be preloaded.</summary>
    internal static string MacPages { get; } = Path.Combine(s_output, "libmac-pages.so");

    /// <summary>Why it cannot be built, or null.</summary>
    private string? _failure;

    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            _failure = "The stand-in is for Linux.";
            return;
        }

        CommandResult build = await Command.RunAsync(
            new ProcessStartInfo(Path.Combine(SourceTree.Root, "tests", "hvf-standin", "build.sh")), s_buildLimit);
        _failure = build.ExitCode == 0 ? null : build.ToString();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The backend over the stand-in; skips the test where it cannot be built, or fails it where HVSDK_REQUIRE names "hvf-standin".</summary>
    internal HvfBackend Backend()
    {
        if (_failure is not null)
        {
            LiveHypervisor.SkipOrFail("hvf-standin", _failure);
        }

        return new HvfBackend(new HvfBackendOptions { LibraryPath = Library });
    }

    /// <summary>Runs the stand-in's own checks.</summary>
    internal Task<CommandResult> SelfTestAsync()
    {
        Backend();
        return Command.RunAsync(new ProcessStartInfo(Path.Combine(s_output, "selftest")), s_buildLimit);
    }
}
