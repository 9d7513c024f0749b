using System.Diagnostics;
using HvSdk.Boot;
using HvSdk.Live;

namespace HvSdk.VirtualMachines.Live.Tests.Images;

/// <summary>
/// A multiboot kernel that nobody here wrote: Debian's GRUB in its build for coreboot, an ELF file with a multiboot header. (Its build for multiboot
/// alone is not packaged.) It takes its memory from coreboot's table, which a device of the test provides, calibrates its clock by ACPI or the 8254, and gets
/// all the way: its configuration runs, its shell works on the serial port, and it switches the machine off by ACPI.
/// </summary>
public sealed class GrubTests
{
    private const string Tier = "grub";
    private const string Modules = "/usr/lib/grub/i386-coreboot";
    private const string Maker = "/usr/bin/grub-mkimage";
    private static readonly TimeSpan s_limit = Limit.Value * 6; // its code is interpreted where the host runs no guest natively in ring 0

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task Grub_ShellOnTheSerialPort_TakesCommandsAndPowersOff(ChipPlacement chips)
    {
        byte[] image = await MakeAsync();
        await using LiveMachine guest = await LiveMachine.StartAsync(
            () => MultibootImage.ReadMultiboot1(BootFile.FromMemory(image, "grub.elf")),
            machine => machine.ConfigureBoard(board => board.Chips = chips).AddDevice(new CorebootTable()));

        await guest.Screen.WaitForAsync("the configuration runs", guest.Machine, s_limit);
        await guest.Screen.WaitForAsync("grub rescue> ", guest.Machine, s_limit);
        await guest.Input.WriteAsync("lsmmap\r"u8.ToArray(), TestContext.Current.CancellationToken);
        await guest.Screen.WaitForAsync("length = 0x3e00000", guest.Machine, s_limit);
        await guest.Input.WriteAsync("halt\r"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal(MachineEndKind.PoweredOff, (await guest.EndAsync(s_limit)).Kind);
    }

    private static async Task<byte[]> MakeAsync()
    {
        if (!File.Exists(Maker) || !Directory.Exists(Modules))
        {
            LiveHypervisor.SkipOrFail(Tier, $"There is no {Maker}, or no {Modules}. Install GRUB's parts (Debian and Ubuntu: apt-get install grub-common grub-coreboot-bin).");
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("hvsdk-grub-");
        try
        {
            string configuration = Path.Combine(folder.FullName, "grub.cfg");
            string image = Path.Combine(folder.FullName, "grub.elf");
            await File.WriteAllTextAsync(configuration, """
                serial --unit=0 --speed=115200
                terminal_output serial
                terminal_input serial
                echo the configuration runs

                """);
            CommandResult result = await Command.RunAsync(
                new ProcessStartInfo(Maker, ["-O", "i386-coreboot", "-o", image, "-p", "/", "-c", configuration, "serial", "terminal", "echo", "lsmmap", "halt"]),
                Limit.Value);
            Assert.True(result.ExitCode == 0, result.ToString());
            return await File.ReadAllBytesAsync(image);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
