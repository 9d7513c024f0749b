using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Linux's virtio-rng driver and the entropy device: the queues and the transport, with a real driver on the other side.</summary>
public sealed class VirtioEntropyTests
{
    private const int Turns = 3;
    private const int Bytes = 1 << 16;
    private const int Load = 1 << 18;

    [Theory]
    [InlineData(VirtioTransport.Mmio, ChipPlacement.Host, "")]
    [InlineData(VirtioTransport.Mmio, ChipPlacement.Split, "")]
    [InlineData(VirtioTransport.Pci, ChipPlacement.Host, "")]
    [InlineData(VirtioTransport.Pci, ChipPlacement.Split, "")]
    [InlineData(VirtioTransport.Pci, ChipPlacement.Host, "pci=nomsi")]
    [InlineData(VirtioTransport.Pci, ChipPlacement.Split, "pci=nomsi")]
    public async Task Driver_BoundThreeTimes_ReadsRandomNumbers(VirtioTransport transport, ChipPlacement chips, string arguments)
    {
        EntropyDevice device = null!;
        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription
        {
            Chips = chips,
            Transport = transport,
            Arguments = arguments,
            Actions = $"rng={Bytes},interrupts",
            VirtioDevices = () => [device = new EntropyDevice()],
        });

        Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
        Assert.StartsWith("virtio_rng", report["rng"], StringComparison.Ordinal);
        Assert.Equal(Bytes, report.Number("rng_bytes"));
        Assert.InRange(report.Number("rng_packed"), Bytes, 2 * Bytes);
        Assert.InRange(device.BytesGiven, Turns * Bytes, Turns * Bytes * 4);
        Assert.Null(device.Fault);
        string interrupt = transport == VirtioTransport.Pci && arguments.Length == 0 ? "irq.virtio0-input" : "irq.virtio0";
        Assert.True(report.Number(interrupt) > 0);
    }

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Driver_WhileTheMachineIsPaused_GetsNothingAndGoesOn(VirtioTransport transport)
    {
        EntropyDevice device = null!;
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription
        {
            Transport = transport,
            Actions = $"rng={Bytes},rng={Load}",
            VirtioDevices = () => [device = new EntropyDevice()],
        });
        await guest.Console.ReadToAsync("HVSDK rng_packed");
        for (int i = 0; i < 10; i++)
        {
            await guest.Machine.PauseAsync(TestContext.Current.CancellationToken).WaitAsync(Limit.Value);
            long given = device.BytesGiven;
            await Task.Delay(20, TestContext.Current.CancellationToken);
            Assert.Equal(given, device.BytesGiven);
            await guest.Machine.ResumeAsync();
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        GuestReport report = await guest.ReadReportAsync();

        Assert.Equal(Load, report.Number("rng_bytes"));
        Assert.Null(device.Fault);
    }
}
