using System.Globalization;
using System.Runtime.Intrinsics.X86;
using HvSdk.Live;

namespace HvSdk.Emulation.Differential.Tests;

/// <summary>Generated cases end the same on this machine's processor and on the emulator.</summary>
/// <remarks>HVSDK_LONG=1 runs a million of them where a processor answers, and ten thousand of each mode where QEMU plays the processor. HVSDK_SEED chooses others.</remarks>
public sealed class AgreementTests(ITestOutputHelper output)
{
    private const int AmdVendor = 0x6874_7541; // "Auth" of "AuthenticAMD" (AMD64 APM vol. 3, appendix E.3.1)

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(IsLong ? 60 : 10);

    private static bool IsLong => Environment.GetEnvironmentVariable("HVSDK_LONG") == "1";

    private static ulong Seed => Environment.GetEnvironmentVariable("HVSDK_SEED") is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : 1;

    /// <summary>The modes in which this machine's hypervisor hands the code to a processor.</summary>
    public static TheoryData<MachineMode> Modes =>
        [.. Hypervisor.Probe(LiveHypervisor.Backend).IsAvailable && !IsPvm() ? Enum.GetValues<MachineMode>() : [MachineMode.Long64User]];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Cases_OfAMode_EndAsOnTheProcessor(MachineMode mode)
    {
        bool isEmulated;
        using (Hypervisor hypervisor = LiveHypervisor.Open())
        {
            isEmulated = !IsPvm();
        }

        RunOptions options = new()
        {
            Mode = mode,
            Seed = Seed,
            Count = (isEmulated, IsLong) switch { (false, false) => 20_000, (false, true) => 1_000_000, (true, false) => 150, _ => 10_000 },
            Limit = s_limit,
            MaxDivergences = Tolerated + 5,
        };
        using DifferentialRun run = new(options);
        RunResult result = run.Run();

        output.WriteLine(result.ToString());
        foreach (Divergence divergence in result.Divergences)
        {
            output.WriteLine(divergence.ToString());
        }

        Assert.True(result.Divergences.Count <= Tolerated, $"{result}{Environment.NewLine}{string.Join(Environment.NewLine, result.Divergences)}");
        Assert.True(result.Compared >= options.Count * 9 / 10, $"Too few cases could be compared. {result}");
    }

    // What makes of processors do differently is known from a million cases on AMD's (family 19h). Of another make's a few are not known yet: they are printed.
    private static int Tolerated => X86Base.CpuId(0, 0) is { Ebx: AmdVendor } ? 0 : 10;

    // KVM_PVM runs 64-bit code of privilege level 3 on the processor, and interprets all other code itself.
    private static bool IsPvm()
    {
        using Hypervisor hypervisor = Hypervisor.Open(LiveHypervisor.Backend);
        return hypervisor.Capabilities.HostDescription.StartsWith("kvm_pvm", StringComparison.Ordinal);
    }
}
