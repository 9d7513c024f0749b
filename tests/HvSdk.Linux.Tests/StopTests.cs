using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>A running Linux that the host stops, pauses, or loses patience with.</summary>
public sealed class StopTests
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task StopAsync_UserspaceListens_PowersOff(ChipPlacement chips)
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Chips = chips, Processors = 2, Actions = "powerbutton,interrupts" });
        await guest.Console.ReadToAsync("HVSDK ready");

        MachineEnd end = await guest.Machine.StopAsync(Limit.Value, Token);

        Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
        GuestReport report = await guest.ReadReportAsync();
        Assert.Equal("1,116,1", report["powerbutton"]); // a key, KEY_POWER, pressed
        Assert.Equal(1, report.Number("irq.acpi"));
    }

    [Fact]
    public async Task StopAsync_UserspaceIsDeaf_StopsAfterTheGrace()
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Actions = "idle" });
        await guest.Console.ReadToAsync("HVSDK ready");

        MachineEnd end = await guest.Machine.StopAsync(s_grace, Token).WaitAsync(Limit.Value, Token);

        Assert.Equal(MachineEndKind.Stopped, end.Kind);
        Assert.True(guest.Machine.GetStatistics().RunDuration >= s_grace);
    }

    [Fact]
    public async Task WaitForExitAsync_KernelHangs_TheWaitEndsAndTheMachineRunsOn()
    {
        // Panics without a notifier and without panic=: the kernel spins for ever.
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { HasPanicNotifier = false, Actions = "panic" });
        await guest.Console.ReadToAsync("end Kernel panic");
        using var limit = new CancellationTokenSource(s_grace);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => guest.Machine.WaitForExitAsync(limit.Token));

        Assert.Equal(MachineState.Running, guest.Machine.State);
        Assert.Equal(MachineEndKind.Stopped, (await guest.Machine.StopAsync(TimeSpan.Zero, Token)).Kind);
    }

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task PauseAsync_RunningLinux_StandsStillAndGoesOn(ChipPlacement chips)
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Chips = chips, Processors = 2 });
        var shell = new GuestShell(guest);
        await shell.StartAsync();

        await guest.Machine.PauseAsync(Token).WaitAsync(Limit.Value, Token);
        await guest.Console.WriteAsync("echo $((6 * 7))\n");
        long exits = guest.Machine.GetStatistics().Exits;
        Assert.False(await guest.Console.SaysWithinAsync("42", s_grace), "A paused guest has answered.");
        Assert.Equal(exits, guest.Machine.GetStatistics().Exits);

        await guest.Machine.ResumeAsync();
        await guest.Console.ReadToAsync("42");
        await guest.Console.ReadToAsync(GuestShell.Prompt);
        Assert.Equal("0", await shell.RunAsync("uptime >/dev/null; echo $?"));
        await shell.ExitAsync();
        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
    }

    [Fact]
    public async Task DisposeAsync_InTheMiddleOfABoot_LeavesNothingBehind()
    {
        LinuxGuest guest = await LinuxGuest.StartAsync(new GuestDescription { Processors = 2, Actions = "idle" });

        await guest.DisposeAsync().AsTask().WaitAsync(Limit.Value, Token);

        Assert.Equal(MachineEndKind.Stopped, guest.Machine.End?.Kind);
    }
}
