using HvSdk.Live;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>Whole machines over the stand-in, within the platform's one partition for each process: its local APICs, and all other chips ours.</summary>
public sealed class MachineTests(StandIn standIn) : IClassFixture<StandIn>
{
    private const string Suite = "HvSdk.VirtualMachines.Live.Tests";
    private const string SeaBios = "*.Firmware.SeaBiosTests";

    [Fact]
    public async Task SeaBios_OverStandIn_PassesWhole()
    {
        standIn.RequireKvm();
        RequireFile("seabios", "/usr/share/seabios/bios-256k.bin", "seabios");
        SuiteReport report = await SuiteRun.With().PassAsync(Suite, "SeaBios", "whp,seabios", "--filter-class", SeaBios);

        // Each with the chips in the host, which the platform has not, and with ours.
        Assert.Equal((3, 3), (report.Passed, report.Impossible.Count));
    }

    [Fact]
    public async Task Machines_OverStandIn_PassWhole()
    {
        standIn.RequireKvm();
        RequireFile("grub", "/usr/bin/grub-mkimage", "grub-common grub-coreboot-bin");
        await SuiteRun.With().PassAsync(Suite, Suite, "whp,grub", "--filter-not-class", SeaBios);
    }

    private static void RequireFile(string tier, string path, string packages)
    {
        if (!File.Exists(path))
        {
            LiveHypervisor.SkipOrFail(tier, $"There is no {path} (Debian and Ubuntu: apt-get install {packages}).");
        }
    }
}
