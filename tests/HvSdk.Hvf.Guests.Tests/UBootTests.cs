using HvSdk.Boot;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Hvf.Guests.Tests;

/// <summary>Debian's U-Boot for QEMU's arm64 machine: a ROM at 0 that finds its console, clock and memory by the device tree.</summary>
public sealed class UBootTests(StandInHost host)
{
    private const string Rom = "/usr/lib/u-boot/qemu_arm64/u-boot.bin";

    /// <summary>With the platform's GIC, and, with the functions of a macOS that has none, with ours.</summary>
    [Theory]
    [InlineData(26, ChipPlacement.Host)]
    [InlineData(13, ChipPlacement.Automatic)]
    public async Task Prompt_AfterBoot_AnswersCommandsAndResets(int version, ChipPlacement chips)
    {
        if (!File.Exists(Rom))
        {
            LiveHypervisor.SkipOrFail("u-boot", $"{Rom} is missing: install Debian's package u-boot-qemu.");
        }

        await using GuestMachine guest = await GuestMachine.StartAsync(
            host.Open(version), 64 << 20, static () => Arm64FirmwareImage.Read(BootFile.Open(Rom)), builder => builder.ConfigureBoard(board => board.Chips = chips));
        await guest.Console.WaitForAsync("Hit any key to stop autoboot", guest.Machine, GuestMachine.BootLimit);
        await guest.TypeAsync("\r");
        await guest.Console.WaitForAsync("\n=> ", guest.Machine, GuestMachine.BootLimit);
        await guest.TypeAsync("fdt addr ${fdtcontroladdr}; fdt get value name / model; setexpr answer 0x1234 * 0x10; echo $name says $answer\r");
        await guest.Console.WaitForAsync("HvSdk virtual machine says 12340", guest.Machine, GuestMachine.BootLimit);
        await guest.TypeAsync("reset\r");

        MachineEnd end = await guest.EndAsync();

        Assert.Equal(MachineEndKind.Reset, end.Kind);
        Assert.Contains("DRAM:  64 MiB", guest.Console.ToString(), StringComparison.Ordinal);
    }
}
