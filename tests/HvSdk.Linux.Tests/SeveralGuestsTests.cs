using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>More than one Linux in one process.</summary>
public sealed class SeveralGuestsTests
{
    [Fact]
    public async Task TwoGuests_AtOnce_BothRunToTheirEnds()
    {
        Task<(GuestReport, MachineEnd)> first = LinuxGuest.RunAsync(new GuestDescription { Processors = 2, Actions = "report" });
        Task<(GuestReport, MachineEnd)> second = LinuxGuest.RunAsync(
            new GuestDescription { Kernel = GuestKernel.Standard, Form = KernelForm.Pvh, Chips = ChipPlacement.Split, Actions = "report" });

        (GuestReport cloud, MachineEnd cloudEnd) = await first;
        (GuestReport standard, MachineEnd standardEnd) = await second;

        Assert.Equal((MachineEndKind.PoweredOff, MachineEndKind.PoweredOff), (cloudEnd.Kind, standardEnd.Kind));
        Assert.Equal((2, 1), (cloud.Number("cpus"), standard.Number("cpus")));
        Assert.NotEqual(cloud["release"], standard["release"]);
    }

    [Fact]
    public async Task TwoGuests_OneCrashes_TheOtherRunsOn()
    {
        await using LinuxGuest survivor = await LinuxGuest.BootAsync(new GuestDescription());
        var shell = new GuestShell(survivor);
        await shell.StartAsync();

        (_, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription { Actions = "triplefault" });

        Assert.Equal(MachineEndKind.Crashed, end.Kind);
        Assert.Equal("alive", await shell.RunAsync("echo alive"));
    }
}
