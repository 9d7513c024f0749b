using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>The guest's shell, driven through the pipe of its console.</summary>
public sealed class ShellTests
{
    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task Shell_DrivenThroughThePipe_AnswersUntilItIsLeft(ChipPlacement chips)
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Chips = chips, Processors = 2 });
        var shell = new GuestShell(guest);
        await shell.StartAsync();

        Assert.Equal("42", await shell.RunAsync("echo $((6 * 7))"));
        Assert.Equal("2", await shell.RunAsync("grep -c ^processor /proc/cpuinfo"));
        Assert.Equal(string.Join('\n', Enumerable.Range(1, 200)), await shell.RunAsync("seq 200"));
        await shell.ExitAsync();

        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
    }

    [Fact]
    public async Task Shell_ControlC_EndsTheCommandAlone()
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription());
        var shell = new GuestShell(guest);
        await shell.StartAsync();

        // Said by the command itself, which is in the terminal's foreground then.
        await guest.Console.WriteAsync("sh -c 'echo busy; sleep 100000'\n");
        await guest.Console.ReadToAsync("\nbusy");

        await shell.InterruptAsync();
        await guest.Console.ReadToAsync(GuestShell.Prompt);

        Assert.Equal("130", await shell.RunAsync("echo $?"));
    }
}
