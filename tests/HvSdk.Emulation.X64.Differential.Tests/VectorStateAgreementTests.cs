using System.Globalization;
using HvSdk.Live;

namespace HvSdk.Emulation.Differential.Tests;

/// <summary>Generated cases that save and load x87, SSE and AVX state, in the compacted form too where the processor has it, end the same on a processor and on the emulator.</summary>
/// <remarks>They run at privilege level 3, so that any KVM hands them to a processor. HVSDK_LONG=1 runs fifty times as many, HVSDK_SEED chooses others.</remarks>
public sealed class VectorStateAgreementTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(IsLong ? 60 : 2);

    private static bool IsLong => Environment.GetEnvironmentVariable("HVSDK_LONG") == "1";

    private static ulong Seed => Environment.GetEnvironmentVariable("HVSDK_SEED") is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : 1;

    [Fact]
    public void Cases_OfVectorState_EndAsOnTheProcessor()
    {
        bool isEmulated;
        using (Hypervisor hypervisor = LiveHypervisor.Open())
        {
            isEmulated = !hypervisor.Capabilities.HostDescription.StartsWith("kvm_pvm", StringComparison.Ordinal);
        }

        int cases = isEmulated ? 60 : 4_000;
        RunOptions options = new() { Mode = MachineMode.Long64User, IsVectorState = true, Seed = Seed, Count = IsLong ? 50 * cases : cases, Limit = s_limit };
        using DifferentialRun run = new(options);
        RunResult result = run.Run();

        output.WriteLine(result.ToString());
        Assert.True(result.Divergences.Count == 0, $"{result}{Environment.NewLine}{string.Join(Environment.NewLine, result.Divergences)}");
        Assert.True(result.Compared >= options.Count / 2, $"Too few cases could be compared. {result}");
    }
}
