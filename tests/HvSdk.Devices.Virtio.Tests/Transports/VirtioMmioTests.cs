using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Transports;

/// <summary>Registers of the MMIO transport (virtio 1.2, 4.2), and what all transports share.</summary>
public sealed class VirtioMmioTests
{
    [Fact]
    public void Identity_OfDevice_IsShown()
    {
        using var bench = new Bench(new EchoDevice());

        Assert.Equal(0x74726976U, bench.Driver.ReadRegister(0x00));
        Assert.Equal(2U, bench.Driver.ReadRegister(0x04));
        Assert.Equal(0x3FU, bench.Driver.ReadRegister(0x08));
        Assert.Equal("LNRO0005", bench.Slot.Acpi?.HardwareId);
        Assert.Equal(["virtio,mmio"], bench.Slot.DeviceTree!.Compatible);
    }

    [Fact]
    public void Status_WithFeaturesThatWereNotOffered_DoesNotGetFeaturesOk()
    {
        using var bench = new Bench(new EchoDevice());

        Assert.Throws<InvalidOperationException>(() => bench.Driver.Start(1UL << 20));
        Assert.Equal(3U, bench.Driver.Status);
    }

    [Theory]
    [InlineData(VirtioFeatures.All)]
    [InlineData(VirtioFeatures.All & ~VirtioFeatures.PackedRing)]
    [InlineData(VirtioFeatures.None)]
    public void QueueFeatures_TakenAway_AreNotOffered(VirtioFeatures features)
    {
        using var bench = new Bench(new EchoDevice() { QueueFeatures = features });

        Assert.Equal((ulong)(features | VirtioFeatures.Version1) | 1, bench.Driver.DeviceFeatures);
        bench.Driver.Start(bench.Driver.DeviceFeatures);
        bench.Driver.Queues[0].Add(bench.Writable(1));
        bench.Work();
        Assert.True(bench.Driver.Queues[0].TryTakeUsed(out _));
    }

    [Fact]
    public void QueueFeatures_ThatDoNotExist_AreNamed()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new VirtioMmio(new EchoDevice { QueueFeatures = (VirtioFeatures)1 }));

        Assert.Contains("QueueFeatures is 0x1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Interrupts_OfUsedBuffers_AreCounted()
    {
        var device = new EchoDevice();
        using var bench = new Bench(device);
        bench.Driver.Start(0);
        VirtqueueDriver queue = bench.Driver.Queues[0];

        queue.Add(bench.Writable(1));
        queue.Add(bench.Writable(1));
        bench.Work();
        Assert.Equal(1, device.Interrupts);

        queue.SetInterruptsEnabled(false);
        queue.Add(bench.Writable(1));
        bench.Work();
        Assert.Equal(1, device.Interrupts);
    }

    [Fact]
    public void Status_WithoutVersion1_DoesNotGetFeaturesOk()
    {
        using var bench = new Bench(new EchoDevice());

        bench.Driver.Status = 1 | 2 | 8;

        Assert.Equal(3U, bench.Driver.Status);
    }

    [Fact]
    public void DriverOk_WithoutFeaturesOk_StartsNothing()
    {
        var device = new EchoDevice();
        using var bench = new Bench(device);

        bench.Driver.Status = 1 | 2 | 4;

        Assert.Equal(0U, bench.Driver.Status & 4);
        Assert.Equal(0, device.Activations);
    }

    [Fact]
    public void Reset_WithChainsInFlight_MakesThemStale()
    {
        var device = new EchoDevice { Keeps = true };
        using var bench = new Bench(device);
        bench.Driver.Start(0);
        bench.Driver.Queues[0].Add(bench.Writable(4));
        bench.Work();

        bench.Driver.Status = 0;

        Assert.Equal(1, device.Resets);
        Assert.Equal(0U, bench.Driver.Status);
        Assert.False(device.IsActive);
        Assert.Equal(0UL, device.NegotiatedFeatures);
        device.Keeps = false;
        bench.Driver.Start(0);
        bench.Driver.Queues[0].Add(bench.Writable(4));
        bench.Work();
        Assert.True(bench.Driver.Queues[0].TryTakeUsed(out _));
    }

    [Fact]
    public void QueueReset_OfOneQueue_LeavesTheOther()
    {
        var device = new EchoDevice(8, 8) { Keeps = true };
        using var bench = new Bench(device);
        bench.Driver.Start(VirtioDriverFeatures.RingReset);
        bench.Driver.Queues[0].Add(bench.Writable(1));
        bench.Driver.Queues[1].Add(bench.Writable(1));
        bench.Work();
        Assert.Equal(2, device.Kept);

        bench.Driver.ResetQueue(0);

        Assert.Equal(0U, bench.Driver.ReadRegister(0xC0));
        Assert.Equal(0U, bench.Driver.ReadRegister(0x44));
        Assert.Equal(1, device.QueueResets);
        Assert.Equal(1, device.Kept);
        device.ReleaseInReverse();
        VirtqueueDriver again = bench.Driver.SetUpQueue(0, 4)!;
        again.Add(bench.Writable(1));
        bench.Work();
        Assert.True(again.TryTakeUsed(out _));
        Assert.True(bench.Driver.Queues[1].TryTakeUsed(out _));
    }

    [Fact]
    public void Configuration_OfAnySize_IsReadAndWritten()
    {
        using var bench = new Bench(new EchoDevice());

        bench.Driver.WriteConfiguration(3, 0xAB, 1);
        bench.Driver.WriteConfiguration(4, 0x1122334455667788, 8);

        Assert.Equal(0xAB00_0000UL, bench.Driver.ReadConfiguration(0, 4));
        Assert.Equal(0x1122334455667788UL, bench.Driver.ReadConfiguration(4, 8));
        Assert.Equal(0x1122UL, bench.Driver.ReadConfiguration(10, 4));
        bench.Driver.WriteConfiguration(11, 0xFFFF, 2);
        Assert.Equal(0x11UL, bench.Driver.ReadConfiguration(11, 2));
    }

    [Fact]
    public void ConfigurationChange_OfAnActiveDevice_RaisesItsInterrupt()
    {
        var device = new EchoDevice();
        using var bench = new Bench(device);
        uint generation = bench.Driver.ReadRegister(0xFC);
        device.ChangeConfiguration();
        Assert.False(bench.IsInterruptAsserted);
        bench.Driver.Start(0);

        device.ChangeConfiguration();

        Assert.Equal(2U, bench.Driver.InterruptStatus);
        Assert.Equal(generation + 2, bench.Driver.ReadRegister(0xFC));
        Assert.True(bench.Acknowledge());
    }

    [Fact]
    public void Device_ThatThrows_AsksToBeReset()
    {
        var device = new EchoDevice { Throws = new InvalidOperationException("a defect") };
        using var bench = new Bench(device);
        bench.Driver.Start(0);
        bench.Driver.Queues[0].Add(bench.Writable(1));

        bench.Work();

        Assert.True(bench.Driver.NeedsReset);
        Assert.Contains("a defect", device.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Pause_OfMachine_HoldsTheDeviceUntilResumed()
    {
        using var bench = new Bench(new EchoDevice());
        bench.Driver.Start(0);
        bench.Slot.Pause();
        bench.Driver.Queues[0].Add(bench.Writable(1));

        bench.Work();
        Assert.False(bench.Driver.Queues[0].TryTakeUsed(out _));
        bench.Slot.Resume();
        bench.Work();

        Assert.True(bench.Driver.Queues[0].TryTakeUsed(out _));
    }

    [Fact]
    public void Registers_WithAccessesAtRandom_HarmNothing()
    {
        using var bench = new Bench(new EchoDevice(16, 8));
        var random = new Random(3);
        ulong window = bench.Slot.Description.Windows[0].Address;
        for (int i = 0; i < 300_000; i++)
        {
            ulong address = window + (ulong)(random.Next(8) == 0 ? random.Next(0x1000 - 8) : random.Next(0x110 / 4) * 4);
            int size = random.Next(4) == 0 ? random.Next(1, 9) : 4;
            if (random.Next(3) == 0)
            {
                bench.Slot.ReadMmio(address, size);
            }
            else
            {
                ulong value = random.Next(3) switch { 0 => (ulong)random.NextInt64(), 1 => (ulong)random.Next(16), _ => (ulong)random.Next(0x100_0000) & ~0xFUL };
                bench.Slot.WriteMmio(address, value, size);
            }

            if (i % 16 == 0)
            {
                bench.Work();
            }
        }

        bench.Driver.Start(0);
        bench.Driver.Queues[0].Add(bench.Writable(1));
        bench.Work();
        Assert.True(bench.Driver.Queues[0].TryTakeUsed(out _));
    }

    [Fact]
    public void Device_InTwoTransports_IsRefused()
    {
        var device = new EchoDevice();
        using var first = new VirtioMmio(device);

        Assert.Throws<InvalidOperationException>(() => new VirtioMmio(device));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(65536)]
    public void Device_WithAQueueThatCannotBe_IsRefused(int size)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => new VirtioMmio(new EchoDevice(size)));

        Assert.Contains($"[{size}]", exception.Message, StringComparison.Ordinal);
    }
}
