using System.Diagnostics;
using System.Runtime.InteropServices;
using HvSdk.Live;

namespace HvSdk.Nested.Tests;

/// <summary>The machine of tests/nested: an emulated PC in which Linux has a true /dev/kvm.</summary>
internal static class NestedMachine
{
    private const string Tier = "nested";
    private const string NewestWindows = "2109"; // of those that tests/whp-standin/build.sh makes
    private const string Remedy = "Run tests/nested/install.sh (Debian and Ubuntu; it needs root or sudo), then this test again.";

    private static string Scripts { get; } = Path.Combine(SourceTree.Root, "tests", "nested");

    /// <summary>Makes the machine's parts, or skips the test where this one cannot make them: a tool is missing, or a package cannot be had.</summary>
    public static async Task RequireAsync()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.OSArchitecture != Architecture.X64)
        {
            LiveHypervisor.SkipOrFail(Tier, $"The nested machine is built on Linux, x64, and this is {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}.");
        }

        foreach (string tool in (string[])["bash", "qemu-system-x86_64", "busybox", "cpio", "mke2fs", "debugfs", "apt-get", "dpkg-deb"])
        {
            if (!IsInstalled(tool))
            {
                LiveHypervisor.SkipOrFail(Tier, $"{tool} is not installed, and the nested machine needs it. {Remedy}");
            }
        }

        // Quick where nothing changed since the last time.
        (int code, string output) = await RunScriptAsync("build.sh", TimeSpan.FromMinutes(5));
        if (code != 0)
        {
            LiveHypervisor.SkipOrFail(Tier, $"The nested machine could not be built: {output.Trim()} {Remedy}");
        }
    }

    /// <summary>Makes the Linux guests of tests/guests, or skips the test where this machine cannot.</summary>
    /// <returns>Their folder.</returns>
    public static async Task<string> RequireGuestsAsync()
    {
        // The download of a kernel the first time; quick where nothing changed.
        (int code, string output) = await RunScriptAsync("../guests/build.sh", TimeSpan.FromMinutes(10));
        if (code != 0)
        {
            LiveHypervisor.SkipOrFail(Tier, $"The Linux guests could not be built: {output.Trim()} {Remedy}");
        }

        return Path.Combine(SourceTree.Root, "artifacts", "guests");
    }

    /// <summary>Makes the stand-in for the Windows Hypervisor Platform, or skips the test where this machine cannot.</summary>
    /// <returns>The folder of the library that stands for the newest Windows.</returns>
    public static async Task<string> RequireWhpStandInAsync()
    {
        (int code, string output) = await RunScriptAsync("../whp-standin/build.sh", TimeSpan.FromMinutes(10));
        if (code != 0)
        {
            LiveHypervisor.SkipOrFail("whp-standin", $"The stand-in could not be built: {output.Trim()}");
        }

        return Path.Combine(SourceTree.Root, "artifacts", "whp-standin", "linux", NewestWindows);
    }

    /// <summary>Runs a command in the machine.</summary>
    /// <param name="commandLimit">How long the command may take, from its start; run.sh ends it then and says what the machine was doing.</param>
    /// <param name="options">Further options of run.sh, then -- and the command.</param>
    /// <returns>The exit code of run.sh, and all output.</returns>
    public static Task<(int Code, string Output)> RunAsync(TimeSpan commandLimit, params string[] options)
    {
        string seconds = ((int)commandLimit.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture);
        // Five minutes more for making the disk, the machine's own start, and taking out the results.
        return RunScriptAsync("run.sh", commandLimit + TimeSpan.FromMinutes(5), ["--timeout", seconds, .. options]);
    }

    private static async Task<(int Code, string Output)> RunScriptAsync(string script, TimeSpan limit, params string[] arguments)
    {
        CommandResult result = await Command.RunAsync(new ProcessStartInfo("bash", [Path.Combine(Scripts, script), .. arguments]), limit);
        return (result.ExitCode, result.Output);
    }

    // Debian keeps mke2fs and debugfs where ordinary users do not look.
    private static bool IsInstalled(string tool) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':').Any(folder => File.Exists(Path.Combine(folder, tool)));
}
