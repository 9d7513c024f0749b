using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Transports;

/// <summary>The PCI transport (virtio 1.2, 4.1).</summary>
public sealed class VirtioPciTests
{
    private const int Registers = 0;
    private const byte VendorSpecificId = 9;

    [Fact]
    public void Identity_OfDevice_IsThatOfAModernOne()
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EntropyDevice()));

        Assert.Equal((0x1AF4, 0x1044, 1), (bench.Slot.Identity!.VendorId, bench.Slot.Identity.DeviceId, bench.Slot.Identity.Revision));
        Assert.Equal(0x40, bench.Slot.Identity.SubsystemId);
    }

    [Fact]
    public void Capabilities_OfDevice_NameAllStructuresWithinTheWindow()
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EchoDevice()));

        PciBenchCapability[] capabilities = [.. bench.Slot.Capabilities.Where(static capability => capability.Id == VendorSpecificId)];
        Assert.Equal([1U, 3U, 4U, 2U, 5U], capabilities.Select(static capability => capability.Read(1, 1)));
        Assert.All(capabilities, static capability => Assert.Equal((uint)capability.Length + 2, capability.Read(0, 1)));
        Assert.All(capabilities[..4], static capability => Assert.True(capability.Read(6, 4) + capability.Read(10, 4) <= 0x4000));
        Assert.Equal(12U, capabilities[2].Read(10, 4));
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Requests_WithMessages_RaiseTheQueuesVector(ulong features)
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EchoDevice(16, 16)));
        bench.Driver.Start(features);

        Assert.Equal([1, 2, 3], bench.Driver.Queues[1].Exchange([1, 2, 3], 8));
        Assert.Equal([4], bench.Driver.Queues[1].Exchange([4], 8));

        Eventually(() => bench.Slot.Messages!.Sent(2) == 2, "a message for each request");
        Assert.Equal(0, bench.Slot.Messages!.Sent(1));
        Assert.Equal(0, bench.Slot.Messages.Sent(0));
        Assert.False(bench.Slot.Pin!.IsAsserted);
    }

    [Fact]
    public void Requests_WithThePin_AssertItUntilTheReasonIsRead()
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EchoDevice()));
        bench.Slot.Messages!.IsEnabled = false;
        bench.Driver.UsesMessages = false;
        bench.Driver.Start(0);

        bench.Driver.Queues[0].Exchange([1], 8);

        Eventually(() => bench.Slot.Pin!.IsAsserted, "the pin");
        Assert.Equal(1U, bench.Driver.TakeInterruptStatus());
        Assert.False(bench.Slot.Pin!.IsAsserted);
        Assert.Equal(0U, bench.Driver.TakeInterruptStatus());
    }

    [Fact]
    public void Vector_BeyondTheDevices_ReadsBackAsNone()
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EchoDevice()));

        bench.Driver.WriteCommon(0x10, 7, 2);
        bench.Driver.WriteCommon(0x1A, 7, 2);

        Assert.Equal(0xFFFFU, bench.Driver.ReadCommon(0x10, 2));
        Assert.Equal(0xFFFFU, bench.Driver.ReadCommon(0x1A, 2));
    }

    [Fact]
    public void Reset_OfDevice_TakesVectorsAway()
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EchoDevice()));
        bench.Driver.Start(0);
        Assert.Equal(1U, Selected(0));

        bench.Driver.Status = 0;

        Assert.Equal(0xFFFFU, Selected(0));
        Assert.Equal(0xFFFFU, bench.Driver.ReadCommon(0x10, 2));

        uint Selected(uint queue)
        {
            bench.Driver.WriteCommon(0x16, queue, 2);
            return bench.Driver.ReadCommon(0x1A, 2);
        }
    }

    [Fact]
    public void Window_ThatMovesUnderLoad_LosesNoNotification()
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EchoDevice()));
        bench.Driver.Start(0);
        for (int i = 0; i < 300; i++)
        {
            bench.Slot.MoveBar(Registers, null);
            if (i % 3 != 0)
            {
                bench.Slot.MoveBar(Registers, 0xE000_0000 + ((ulong)(i % 5) << 16));
            }

            Assert.Equal([(byte)i], bench.Driver.Queues[0].Exchange([(byte)i], 8));
        }
    }

    [Fact]
    public void Device_ThatIsNoBusMaster_LeavesMemoryAlone()
    {
        var transport = new VirtioPci(new EchoDevice(), hasWorker: false);
        using var bench = new VirtioPciBench(transport);
        bench.Driver.Start(0);
        bench.Slot.IsBusMaster = false;
        bench.Driver.Queues[0].Add(new DriverBuffer(bench.Arena.Allocate(8), 8, IsWritable: true));

        Assert.False(transport.Endpoint.RunOnce());
        Assert.False(bench.Driver.Queues[0].TryTakeUsed(out _));
        bench.Slot.IsBusMaster = true;
        transport.Endpoint.RunOnce();

        Assert.True(bench.Driver.Queues[0].TryTakeUsed(out _));
    }

    [Fact]
    public void AccessCapability_OfWidthAndPlace_ReadsAndWritesRegisters()
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EchoDevice(16, 8)));
        PciBenchCapability access = bench.Slot.Capabilities.Single(static capability => capability.Id == VendorSpecificId && capability.Read(1, 1) == 5);

        access.Write(2, 0, 1);
        access.Write(6, 0x12, 4);
        access.Write(10, 2, 4);
        Assert.Equal(2U, access.Read(14, 2)); // num_queues
        access.Write(6, 0x16, 4);
        access.Write(14, 1, 2);
        Assert.Equal(1U, bench.Driver.ReadCommon(0x16, 2)); // queue_select
        access.Write(6, 0x4000, 4);
        access.Write(14, 5, 2);
        access.Write(2, 3, 1);
        Assert.Equal(0U, access.Read(14, 2));
        Assert.Equal(5U, access.Read(1, 1));
    }

    [Fact]
    public void Registers_WithAccessesAtRandom_HarmNothing()
    {
        var transport = new VirtioPci(new EchoDevice(16, 8), hasWorker: false);
        using var bench = new VirtioPciBench(transport);
        var random = new Random(5);
        for (int i = 0; i < 300_000; i++)
        {
            ulong offset = (ulong)random.Next(5) switch { 0 => (ulong)random.Next(0x3FF8), 1 => 0x2000 + (ulong)random.Next(16), 2 => 0x3000, _ => (ulong)random.Next(0x40) & ~1UL };
            int size = random.Next(4) switch { 0 => 1, 1 => 2, 2 => 4, _ => random.Next(1, 9) };
            if (random.Next(3) == 0)
            {
                bench.Slot.ReadBar(Registers, offset, size);
            }
            else
            {
                bench.Slot.WriteBar(Registers, offset, random.Next(3) switch { 0 => (ulong)random.NextInt64(), 1 => (ulong)random.Next(16), _ => (ulong)random.Next(0x100_0000) & ~0xFUL }, size);
            }

            if (i % 16 == 0)
            {
                for (int rounds = 0; transport.Endpoint.RunOnce(); rounds++)
                {
                    Assert.True(rounds < 10_000, "The device never comes to an end of its work.");
                }
            }
        }

        bench.Driver.Start(0);
        bench.Driver.Queues[0].Add(new DriverBuffer(bench.Arena.Allocate(8), 8, IsWritable: true));
        transport.Endpoint.RunOnce();
        Assert.True(bench.Driver.Queues[0].TryTakeUsed(out _));
    }

    private static void Eventually(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(30)), $"Waited 30 s for {what}.");
}
