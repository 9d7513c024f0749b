using System.Diagnostics;
using HvSdk.Backends.Hvf;
using HvSdk.Live;

namespace HvSdk.Hvf.Guests.Tests;

/// <summary>The stand-in for Hypervisor.framework and Debian's arm64 kernel, built once for all tests.</summary>
public sealed class StandInHost : IAsyncLifetime
{
    /// <summary>A build takes less than a minute, a download what it takes; a limit is for one that hangs.</summary>
    private static readonly TimeSpan s_buildLimit = TimeSpan.FromMinutes(15);

    private string? _failure;
    private string? _kernelFailure;

    /// <summary>The folder with the arm64 Linux guest.</summary>
    internal static string Guests { get; } = Path.Combine(SourceTree.Root, "artifacts", "guests-arm64");

    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            _failure = _kernelFailure = "The stand-in is for Linux.";
            return;
        }

        _failure = await BuildAsync("hvf-standin");
        _kernelFailure = await BuildAsync("guests-arm64");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Opens the backend over the stand-in for a version of macOS; skips the test where it cannot be built, or fails it where HVSDK_REQUIRE names "hvf-standin".</summary>
    internal Hypervisor Open(int version)
    {
        if (_failure is not null)
        {
            LiveHypervisor.SkipOrFail("hvf-standin", _failure);
        }

        string library = Path.Combine(SourceTree.Root, "artifacts", "hvf-standin", $"{version}", "libhvf-standin.so");
        var hypervisor = Hypervisor.Open(new HvfBackend(new HvfBackendOptions { LibraryPath = library }));
        TestContext.Current.TestOutputHelper?.WriteLine($"Ran on {hypervisor.Capabilities.BackendName}: {hypervisor.Capabilities.HostDescription}");
        return hypervisor;
    }

    /// <summary>Skips the test where there is no kernel, or fails it where HVSDK_REQUIRE names "kernels".</summary>
    internal void RequireKernel()
    {
        if (_kernelFailure is not null)
        {
            LiveHypervisor.SkipOrFail("kernels", _kernelFailure);
        }
    }

    private static async Task<string?> BuildAsync(string folder)
    {
        CommandResult build = await Command.RunAsync(new ProcessStartInfo(Path.Combine(SourceTree.Root, "tests", folder, "build.sh")), s_buildLimit);
        return build.ExitCode == 0 ? null : build.ToString();
    }
}
