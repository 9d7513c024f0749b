using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Live;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Firmware;

/// <summary>
/// Debian's SeaBIOS as it is for QEMU, from the reset vector. It works with all that a PC has: the 8254 ticks through the 8259A pair, the keyboard
/// interrupts, the RAM's size comes from fw_cfg, ACPI tables and SMBIOS by its loader's script. With the chips in the host, and with ours.
/// </summary>
public sealed class SeaBiosTests
{
    private const string Rom = "/usr/share/seabios/bios-256k.bin";
    private const string Tier = "seabios";
    private const ushort SerialPort = 0x3F8;
    private const int Ticks = 3;
    private static readonly TimeSpan s_limit = Limit.Value * 3; // its code is interpreted where the host runs no guest natively in ring 0

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task BootMenu_ByKeyboard_BootsTheDiskThatIsChosen(ChipPlacement chips)
    {
        await using LiveMachine guest = await StartAsync(chips, static firmware => BootFloppy.Insert(firmware, CountTicks));

        await guest.Screen.WaitForAsync("Press ESC for boot menu", guest.Machine, s_limit);
        Type(guest, [0x76]); // Esc, in scan code set 2
        await guest.Screen.WaitForAsync("1. Ramdisk [test]", guest.Machine, s_limit);
        Type(guest, [0x16]); // 1
        MachineEnd end = await guest.EndAsync(s_limit);

        Assert.Contains("PS2 keyboard initialized", guest.Log.ToString(), StringComparison.Ordinal);
        Assert.Equal((MachineEndKind.Exited, (Ticks * 2) + 1), (end.Kind, end.ExitCode));
        Assert.EndsWith("T", guest.Screen.ToString(), StringComparison.Ordinal); // what the boot sector had the BIOS print
    }

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task BootMenu_BySerialConsole_BootsTheDiskThatIsChosen(ChipPlacement chips)
    {
        await using LiveMachine guest = await StartAsync(chips, static firmware => BootFloppy.Insert(firmware, CountTicks));

        await guest.Screen.WaitForAsync("Press ESC for boot menu", guest.Machine, s_limit);
        await guest.Input.WriteAsync("\x1B"u8.ToArray(), TestContext.Current.CancellationToken);
        await guest.Screen.WaitForAsync("1. Ramdisk [test]", guest.Machine, s_limit);
        await guest.Input.WriteAsync("1"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal((Ticks * 2) + 1, (await guest.EndAsync(s_limit)).ExitCode);
    }

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task Boot_NothingThere_SaysSoAndHasFoundTheMachine(ChipPlacement chips)
    {
        await using LiveMachine guest = await StartAsync(chips, menu: false, processors: 3);

        await guest.Log.WaitForAsync("No bootable device", guest.Machine, s_limit);

        string log = guest.Log.ToString();
        Assert.Contains("Found 3 cpu(s)", log, StringComparison.Ordinal);
        Assert.Contains("len 0x0000000004000000 [RAM]", log, StringComparison.Ordinal);
        Assert.Contains("Copying SMBIOS", log, StringComparison.Ordinal);
        Assert.Contains("ACPI: parse DSDT", log, StringComparison.Ordinal);
        Assert.Contains("Found 1 serial ports", log, StringComparison.Ordinal);
    }

    /// <summary>A boot sector: has the BIOS print a letter, waits for three ticks of its clock, and ends with the number of ticks.</summary>
    private static void CountTicks(Assembler a)
    {
        Label wait = a.CreateLabel();
        a.mov(ax, 0x0E00 + 'T'); // teletype; the serial console shows it with the next tick
        a.mov(bx, 7);
        a.@int(0x10);
        a.xor(ax, ax);
        a.mov(ds, ax);
        a.mov(bx, __word_ptr[0x46C]); // ticks since midnight, counted by the timer's interrupt
        a.Label(ref wait);
        a.sti();
        a.hlt();
        a.mov(cx, __word_ptr[0x46C]);
        a.sub(cx, bx);
        a.cmp(cx, Ticks);
        a.jb(wait);
        a.mov(eax, Ticks);
        a.@out(0xF4, eax);
        a.cli();
        a.hlt();
    }

    private static void Type(LiveMachine guest, ReadOnlySpan<byte> key) =>
        Assert.Equal(3, guest.Keyboard.SendScanCodes([.. key, 0xF0, .. key])); // pressed, released

    private static Task<LiveMachine> StartAsync(ChipPlacement chips, Action<FirmwareConfiguration>? configure = null, bool menu = true, int processors = 1)
    {
        if (!File.Exists(Rom))
        {
            LiveHypervisor.SkipOrFail(Tier, $"There is no {Rom}. Install SeaBIOS (Debian and Ubuntu: apt-get install seabios).");
        }

        return LiveMachine.StartAsync(() => FirmwareImage.Read(BootFile.Open(Rom)), machine => machine
            .WithProcessors(processors)
            .ConfigureBoard(board => board.Chips = chips)
            .ConfigureFirmware(firmware =>
            {
                // SeaBIOS's own settings (its docs/Runtime_config): a console on the serial port, and a menu that waits for a minute.
                firmware.Add("etc/sercon-port", BitConverter.GetBytes((ulong)SerialPort));
                firmware.Add("etc/show-boot-menu", BitConverter.GetBytes(menu ? 1UL : 0));
                firmware.Add("etc/boot-menu-wait", BitConverter.GetBytes(60_000UL));
                configure?.Invoke(firmware);
            }));
    }
}
