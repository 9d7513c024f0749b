using System.Globalization;
using HvSdk.Live;

namespace HvSdk.Emulation.Differential.Tests;

/// <summary>Generated cases of system instructions, from all privilege levels, end the same on a processor and on the emulator.</summary>
/// <remarks>
/// KVM_PVM interprets such code itself and is no processor: there cases are run on the emulator alone, once with operands in RAM and once in a device.
/// The nested machine has the truth. HVSDK_LONG=1 runs a hundred times as many, HVSDK_SEED chooses others.
/// </remarks>
public sealed class SystemAgreementTests(ITestOutputHelper output)
{
    private const int Cases = 120;

    // Seed 1 has a case that locks the nested machine up (README of the tester, "Open").
    private const ulong DefaultSeed = 20261201;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(IsLong ? 60 : 10);

    private static bool IsLong => Environment.GetEnvironmentVariable("HVSDK_LONG") == "1";

    private static ulong Seed => Environment.GetEnvironmentVariable("HVSDK_SEED") is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : DefaultSeed;

    /// <summary>All modes.</summary>
    public static TheoryData<MachineMode> Modes => [.. Enum.GetValues<MachineMode>()];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Cases_OfSystemInstructions_EndAsOnTheProcessor(MachineMode mode)
    {
        using (Hypervisor hypervisor = LiveHypervisor.Open())
        {
            if (hypervisor.Capabilities.HostDescription.StartsWith("kvm_pvm", StringComparison.Ordinal))
            {
                CompareWithDevice(mode);
                return;
            }
        }

        RunOptions options = new() { Mode = mode, IsSystem = true, Seed = Seed, Count = IsLong ? 100 * Cases : Cases, Limit = s_limit };
        using DifferentialRun run = new(options);
        RunResult result = run.Run();

        output.WriteLine(result.ToString());
        Assert.True(result.Divergences.Count == 0, $"{result}{Environment.NewLine}{string.Join(Environment.NewLine, result.Divergences)}");
        Assert.True(result.Compared >= options.Count * 2 / 3, $"Too few cases could be compared. {result}");
    }

    private static void CompareWithDevice(MachineMode mode)
    {
        SystemCaseGenerator generator = new(mode, "", static _ => true);
        EmulatorEngine engine = new(mode);
        Comparer comparer = new("");
        Outcome ram = new();
        Outcome device = new();
        for (int i = 0; i < Cases; i++)
        {
            TestCase test = generator.Create(RandomSource.Derive(Seed, i));
            engine.Run(test, ram);
            engine.Reset();
            engine.IsArenaDevice = true;
            engine.Run(test, device);
            engine.IsArenaDevice = false;
            engine.Reset();
            if (ram.End is EndKind.Timeout or EndKind.Unsupported || device.End is EndKind.Timeout or EndKind.Unsupported)
            {
                continue; // does not end; a task switch; or more than an emulated instruction may read from a device
            }

            List<string> differences = comparer.Compare(test, ram, device);
            Assert.True(differences.Count == 0, new Divergence(i, test, differences, IsDevice: true).ToString());
        }
    }
}
