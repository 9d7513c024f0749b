using HvSdk.Boot;
using HvSdk.Devices.Virtio;
using HvSdk.VirtualMachines;

namespace HvSdk.Hvf.Guests.Tests;

/// <summary>Debian's cloud kernel for arm64 from its Image to a program of ours in userspace, on several processors, with a paravirtual device, and to its end by PSCI.</summary>
public sealed class LinuxTests(StandInHost host)
{
    private const int Processors = 3;

    /// <summary>With the platform's GIC, and, with the functions of a macOS that has none, with ours.</summary>
    [Theory]
    [InlineData(26, ChipPlacement.Host, "poweroff", MachineEndKind.PoweredOff)]
    [InlineData(13, ChipPlacement.Automatic, "reboot", MachineEndKind.Reset)]
    public async Task Boot_ToUserspace_UsesAllThatTheMachineHas(int version, ChipPlacement chips, string word, MachineEndKind expected)
    {
        host.RequireKernel();
        await using GuestMachine guest = await GuestMachine.StartAsync(host.Open(version), 256 << 20, OpenKernel, builder => builder
            .WithProcessors(Processors)
            .AddVirtio(new EntropyDevice())
            .ConfigureBoard(board => board.Chips = chips));
        await guest.Console.WaitForAsync("INIT say something", guest.Machine, GuestMachine.BootLimit);
        await guest.TypeAsync($"{word}\r");

        MachineEnd end = await guest.EndAsync();

        string said = guest.Console.ToString();
        Assert.Equal(expected, end.Kind);
        Assert.Contains("GICv3: 0 Extended SPIs implemented", said, StringComparison.Ordinal);
        Assert.Contains($"SMP: Total of {Processors} processors activated", said, StringComparison.Ordinal);
        Assert.Contains("INIT hello from userspace", said, StringComparison.Ordinal);
        Assert.Contains($"INIT visited {Processors} processors", said, StringComparison.Ordinal);
        Assert.Contains("INIT slept long enough", said, StringComparison.Ordinal);
        Assert.Contains($"INIT the year is {DateTime.UtcNow.Year}", said, StringComparison.Ordinal);
        Assert.Contains($"INIT heard {word}", said, StringComparison.Ordinal);
        Assert.Contains("rng_current: virtio_rng.0", said, StringComparison.Ordinal);
        Assert.Contains("INIT 256 bytes of entropy\r\n", said, StringComparison.Ordinal);
        Assert.Matches(@"(\s[1-9]\d*){3}\s+GICv3\s+27\s+Level\s+arch_timer", said); // each processor has taken interrupts of its timer
        Assert.Matches(@"\s[1-9]\d*\s.*GICv3 .*virtio0", said);
    }

    private static BootImage OpenKernel() => Arm64LinuxImage.Read(
        BootFile.Open(Path.Combine(StandInHost.Guests, "vmlinuz")),
        new LinuxBootOptions
        {
            CommandLine = "console=ttyAMA0 quiet panic=-1",
            InitialRamDisk = BootFile.Open(Path.Combine(StandInHost.Guests, "initrd")),
        });
}
