using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Linux's balloon driver and the balloon: memory that leaves the guest is the host's again, as the host's resident memory shows.</summary>
public sealed class VirtioBalloonTests
{
    private const long MiB = 1 << 20;
    private const long Taken = 160 * MiB;

    // What else the process and the guest do meanwhile moves its resident memory too.
    private const long Margin = 40 * MiB;

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Balloon_InflatedAndDeflated_MovesTheHostsMemory(VirtioTransport transport)
    {
        BalloonDevice balloon = null!;
        await using LinuxGuest guest = await BootAsync(
            transport, () => balloon = new BalloonDevice(new BalloonDeviceOptions { ReportsFreePages = false, DeflatesOnOutOfMemory = false }));
        GuestShell shell = await StartShellAsync(guest);
        await UseAndFreeAsync(shell, 200);
        BalloonMemoryStatistics before = await RefreshAsync(balloon);
        long used = ResidentMemory.Anonymous;

        await ResizeAsync(balloon, Taken);

        Assert.InRange(used - ResidentMemory.Anonymous, Taken - Margin, Taken + Margin);
        Assert.Equal(Taken, balloon.Counters.ReturnedBytes);
        Assert.Equal(0, balloon.Counters.RefusedBytes);
        BalloonMemoryStatistics inflated = await RefreshAsync(balloon);
        Assert.Equal(Taken, (long)(before.TotalBytes - inflated.TotalBytes)!);
        Assert.InRange((long)(before.FreeBytes - inflated.FreeBytes)!, Taken - Margin, Taken + Margin);
        Assert.True(inflated.AvailableBytes < before.AvailableBytes && inflated.MinorFaults >= before.MinorFaults);

        // The next driver finds the target of the one before, whose pages were all its own again.
        await shell.RunAsync("cd /sys/bus/virtio/drivers/virtio_balloon; device=$(echo virtio*); echo $device >unbind");
        Assert.Equal((0L, false), (balloon.ActualSize, balloon.IsActive));
        await Assert.ThrowsAsync<InvalidOperationException>(() => RefreshAsync(balloon));
        await shell.RunAsync("echo $device >bind");
        await ResizeAsync(balloon, Taken);
        Assert.Equal(2 * Taken, balloon.Counters.InflatedBytes);

        await ResizeAsync(balloon, 0);

        Assert.Equal(2 * Taken, balloon.Counters.DeflatedBytes);
        Assert.Equal(before.TotalBytes, (await RefreshAsync(balloon)).TotalBytes);
        long small = ResidentMemory.Anonymous;
        await UseAndFreeAsync(shell, 200);
        Assert.InRange(ResidentMemory.Anonymous - small, Taken - Margin, 200 * MiB + Margin);
        Assert.Null(balloon.Fault);
        await shell.ExitAsync();
        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
    }

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task FreePages_Reported_LeaveTheHostsMemory(VirtioTransport transport)
    {
        BalloonDevice balloon = null!;
        await using LinuxGuest guest = await BootAsync(transport, () => balloon = new BalloonDevice());
        GuestShell shell = await StartShellAsync(guest);
        long small = ResidentMemory.Anonymous;
        await shell.RunAsync("dd if=/dev/zero of=/tmp/memory/file bs=1M count=200 2>/dev/null");
        Assert.InRange(ResidentMemory.Anonymous - small, Taken, 200 * MiB + Margin);

        await shell.RunAsync("rm /tmp/memory/file");

        await GuestWait.UntilAsync(() => ResidentMemory.Anonymous < small + Margin, "free pages to leave the host's memory");
        Assert.True(balloon.Counters.ReturnedBytes >= Taken);
        Assert.Equal(0, balloon.Counters.RefusedBytes);
        Assert.Equal(0, balloon.ActualSize);

        // The guest has them again as soon as it wants them.
        Assert.Equal("200+0 records out", await shell.RunAsync("dd if=/dev/zero of=/tmp/memory/file bs=1M count=200 2>&1 | grep out"));
        Assert.Null(balloon.Fault);
    }

    [Fact]
    public async Task Balloon_GuestOutOfMemory_GivesPagesBack()
    {
        BalloonDevice balloon = null!;
        await using LinuxGuest guest = await BootAsync(VirtioTransport.Pci, () => balloon = new BalloonDevice(new BalloonDeviceOptions { ReportsFreePages = false }));
        GuestShell shell = await StartShellAsync(guest);
        await ResizeAsync(balloon, Taken);
        ulong free = (await RefreshAsync(balloon)).FreeBytes!.Value;
        ulong wanted = (free / (ulong)MiB) + 24;

        Assert.Equal($"{wanted}+0 records out", await shell.RunAsync($"dd if=/dev/zero of=/tmp/memory/file bs=1M count={wanted} 2>&1 | grep out"));

        Assert.Equal("0", await shell.RunAsync("dmesg | grep -c 'Killed process'"));
        Assert.True(balloon.Counters.DeflatedBytes > 0);
        await GuestWait.UntilAsync(() => balloon.ActualSize < Taken, "the guest to say that its balloon is smaller");
    }

    private static Task<LinuxGuest> BootAsync(VirtioTransport transport, Func<BalloonDevice> create) => LinuxGuest.BootAsync(new GuestDescription
    {
        Memory = 384 * GuestDescription.MiB,
        Transport = transport,
        Actions = "balloon,shell",
        VirtioDevices = () => [create()],
    });

    private static async Task<GuestShell> StartShellAsync(LinuxGuest guest)
    {
        var shell = new GuestShell(guest);
        await shell.StartAsync();
        return shell;
    }

    /// <summary>Has the guest touch so much memory, which is the host's to find from then on.</summary>
    private static Task<string> UseAndFreeAsync(GuestShell shell, int megabytes) =>
        shell.RunAsync($"dd if=/dev/zero of=/tmp/memory/file bs=1M count={megabytes} 2>/dev/null; rm /tmp/memory/file");

    private static Task<BalloonMemoryStatistics> RefreshAsync(BalloonDevice balloon) =>
        balloon.RefreshStatisticsAsync(TestContext.Current.CancellationToken).WaitAsync(Limit.Value);

    private static async Task ResizeAsync(BalloonDevice balloon, long size)
    {
        balloon.TargetSize = size;
        await balloon.WaitForTargetAsync(TestContext.Current.CancellationToken).WaitAsync(Limit.Value);
        Assert.Equal(size, balloon.ActualSize);
    }
}
