using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.State;

/// <summary>What transports keep: registers that are half written, interrupts, vectors.</summary>
public sealed class TransportStateTests
{
    [Fact]
    public void Mmio_HalfSetUp_GoesOnWhereItWas()
    {
        var first = new VirtioMmio(new EchoDevice(16, 8), hasWorker: false);
        using var bench = new VirtioBench(first);
        VirtioMmioDriver driver = bench.Driver;
        driver.Status = 1;
        driver.Status = 3;
        driver.WriteRegister(0x24, 1);
        driver.WriteRegister(0x20, 1);
        driver.Status = 11;
        driver.WriteRegister(0x30, 1);
        driver.WriteRegister(0x38, 4);
        driver.WriteRegister(0x80, 0x20_0000);

        VirtioMmioState state = first.SaveState();
        var second = new VirtioMmio(new EchoDevice(16, 8), hasWorker: false);
        bench.Replace(second);
        second.LoadState(state);
        driver.WriteRegister(0x90, 0x20_1000);
        driver.WriteRegister(0xA0, 0x20_2000);
        driver.WriteRegister(0x44, 1);
        driver.Status = 15;

        Assert.Equal(15U, driver.Status);
        Assert.Equal(1U << 0, driver.ReadRegister(0x44));
        Assert.Equal(1UL << 32, second.Device.NegotiatedFeatures);
        Assert.True(second.Device.IsActive);
    }

    [Fact]
    public void Mmio_WithAPendingInterrupt_AssertsItsLineAgain()
    {
        var device = new EchoDevice();
        var first = new VirtioMmio(device, hasWorker: false);
        using var bench = new VirtioBench(first);
        bench.Driver.Start();
        device.ChangeConfiguration();
        uint generation = bench.Driver.ReadRegister(0xFC);
        bench.Slot.Pause();

        VirtioMmioState state = first.SaveState();
        var second = new VirtioMmio(new EchoDevice(), hasWorker: false);
        bench.Replace(second);
        second.LoadState(state);

        Assert.True(bench.Slot.Line(16).IsAsserted);
        Assert.Equal(2U, bench.Driver.InterruptStatus);
        Assert.Equal(generation, bench.Driver.ReadRegister(0xFC));
        bench.Driver.AcknowledgeInterrupt(2);
        Assert.False(bench.Slot.Line(16).IsAsserted);
    }

    [Fact]
    public void Pci_Vectors_AreThoseThatTheDriverChose()
    {
        var first = new VirtioPci(new EchoDevice(16, 16), hasWorker: false);
        using var bench = new VirtioPciBench(first);
        bench.Driver.Start();
        bench.Slot.Pause();

        VirtioPciState state = first.SaveState();
        var device = new EchoDevice(16, 16);
        var second = new VirtioPci(device, hasWorker: false);
        bench.Replace(second);
        second.LoadState(state);
        bench.Driver.Queues[1].Add(new DriverBuffer(bench.Arena.Allocate(8), 8, IsWritable: true));
        while (second.Endpoint.RunOnce())
        {
        }

        device.ChangeConfiguration();

        Assert.Equal((1, 0, 1), (bench.Slot.Messages!.Sent(0), bench.Slot.Messages.Sent(1), bench.Slot.Messages.Sent(2)));
    }

    [Fact]
    public void Pci_WithThePinAsserted_AssertsItAgain()
    {
        var device = new EchoDevice();
        var first = new VirtioPci(device, hasWorker: false);
        using var bench = new VirtioPciBench(first);
        bench.Slot.Messages!.IsEnabled = false;
        bench.Driver.UsesMessages = false;
        bench.Driver.Start();
        device.ChangeConfiguration();
        bench.Slot.Pause();

        VirtioPciState state = first.SaveState();
        var second = new VirtioPci(new EchoDevice(), hasWorker: false);
        bench.Replace(second);
        second.LoadState(state);

        Assert.True(bench.Slot.Pin!.IsAsserted);
        Assert.Equal(2U, bench.Driver.TakeInterruptStatus());
        Assert.False(bench.Slot.Pin.IsAsserted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Device_ThatAsksToBeReset_StillDoes(bool isPci)
    {
        using AnyBench bench = AnyBench.Create(new EchoDevice(), isPci);
        bench.Driver.Start(0);
        bench.Driver.Queues[0].Add(new DriverBuffer(ulong.MaxValue, 8, IsWritable: true));
        bench.Work();
        bench.Pause();

        string state = bench.SaveState();
        var other = new EchoDevice();
        bench.Replace(other);
        bench.LoadState(state);

        Assert.True(bench.Driver.NeedsReset);
        Assert.Contains("not in memory", other.Fault, StringComparison.Ordinal);
        bench.Work();
        Assert.Empty(other.Seen);
        bench.Driver.Start();
        Assert.Equal([1], bench.Ask(0, [1], 8));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SaveState_WhileTheMachineRuns_IsRefused(bool isPci)
    {
        using AnyBench bench = AnyBench.Create(new EchoDevice(), isPci);
        bench.Driver.Start();

        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => bench.SaveState());

        Assert.Contains("Pause the machine", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LoadState_BeforeTheMachineIsBuilt_IsRefused()
    {
        var first = new VirtioMmio(new EchoDevice(), hasWorker: false);
        using var bench = new VirtioBench(first);
        bench.Driver.Start();
        bench.Slot.Pause();
        VirtioMmioState state = first.SaveState();
        using var second = new VirtioMmio(new EchoDevice());

        Assert.Contains("Build it", Assert.Throws<InvalidOperationException>(() => second.LoadState(state)).Message, StringComparison.Ordinal);
    }
}
