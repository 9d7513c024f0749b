using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>A virtio disk that Linux reads and writes all the time, while its driver is taken away or the machine stands still.</summary>
public sealed class VirtioBlockLoadTests
{
    private const int Length = 16 * GuestDescription.MiB;
    private const int Pauses = 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(VirtioTransport.Mmio, VirtioFeatures.All)]
    [InlineData(VirtioTransport.Pci, VirtioFeatures.All & ~VirtioFeatures.PackedRing)]
    public async Task Driver_UnboundUnderLoad_WorksAgain(VirtioTransport transport, VirtioFeatures features)
    {
        BlockDevice device = null!;
        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription
        {
            Transport = transport,
            Processors = 2,
            Actions = "load=reset",
            VirtioDevices = () => [device = new BlockDevice(new MemoryStorage(Length), new BlockDeviceOptions { QueueCount = 2 }) { QueueFeatures = features }],
        });

        Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
        Assert.Equal([1, 2, 3, 4, 5], report.Numbers("load_reset"));
        Assert.Null(device.Fault);
        Assert.Equal(0, device.Statistics.Errors);
    }

    [Theory]
    [InlineData(VirtioTransport.Mmio, VirtioFeatures.All & ~VirtioFeatures.PackedRing)]
    [InlineData(VirtioTransport.Pci, VirtioFeatures.All)]
    public async Task Machine_PausedUnderLoad_GoesOnWhereItWas(VirtioTransport transport, VirtioFeatures features)
    {
        BlockDevice device = null!;
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription
        {
            Transport = transport,
            Processors = 2,
            Actions = "load=turns",
            VirtioDevices = () => [device = new BlockDevice(new MemoryStorage(Length), new BlockDeviceOptions { QueueCount = 2 }) { QueueFeatures = features }],
        });
        await guest.Console.ReadToAsync("HVSDK load=ready");

        for (int i = 0; i < Pauses; i++)
        {
            await Task.Delay(10 * (i % 5), Token);
            await guest.Machine.PauseAsync(Token).WaitAsync(Limit.Value, Token);
            long done = device.Statistics.Reads + device.Statistics.Writes;
            await Task.Delay(20, Token);
            Assert.Equal(done, device.Statistics.Reads + device.Statistics.Writes);
            await guest.Machine.ResumeAsync();
        }

        await guest.Console.WriteAsync("\n");
        GuestReport report = await guest.ReadReportAsync();
        Assert.True(report.Number("load_turns") > 0);
        Assert.Null(device.Fault);
        Assert.Equal(0, device.Statistics.Errors);
    }
}
