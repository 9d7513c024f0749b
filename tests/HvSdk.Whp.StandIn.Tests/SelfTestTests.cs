using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>The stand-in's own checks, of which each names its rule, in both builds.</summary>
public sealed class SelfTestTests(StandIn standIn, ITestOutputHelper output) : IClassFixture<StandIn>
{
    // It takes a few seconds; making a Wine prefix some more.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task SelfTest_OnLinux_PassesWhole()
    {
        standIn.RequireKvm();
        await CheckAsync(new ProcessStartInfo(Path.Combine(StandIn.Output, "linux", "selftest")));
    }

    [Fact]
    public async Task SelfTest_UnderWine_PassesWhole()
    {
        standIn.RequireKvm();
        await CheckAsync(new ProcessStartInfo(
            Path.Combine(StandIn.Sources, "wine.sh"), [Path.Combine(StandIn.Output, "windows", "selftest.exe")]));
    }

    private async Task CheckAsync(ProcessStartInfo start)
    {
        CommandResult result = await Command.RunAsync(start, s_limit);

        IEnumerable<string> lines = result.Output.Split('\n').Select(static line => line.TrimEnd('\r'));
        string[] told = [.. lines.Where(static line => line.Length > 0 && !line.StartsWith("ok ", StringComparison.Ordinal))];
        output.WriteLine(string.Join(Environment.NewLine, told));
        Assert.True(result.ExitCode == 0, $"It ended with {result.ExitCode}:{Environment.NewLine}{string.Join(Environment.NewLine, told)}");
        Assert.Contains(told, static line => line.Contains(" checks good, 0 failed", StringComparison.Ordinal));
    }
}
