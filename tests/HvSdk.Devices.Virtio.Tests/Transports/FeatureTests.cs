using HvSdk.Devices.Virtio.Tests.Net;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Transports;

/// <summary>What driver and device agree upon, and what they do not (virtio 1.2, 2.2 and 3.1.1), on both transports.</summary>
public sealed class FeatureTests
{
    private const ulong Version1 = VirtioDriverFeatures.Version1;
    private const ulong NetworkChecksum = 1;
    private const ulong NetworkHostTso4 = 1 << 11;
    private const ulong NetworkHostEcn = 1 << 13;
    private const ulong NetworkControlReceive = 1 << 18;

    [Theory]
    [InlineData(false, VirtioDriverFeatures.NotificationData)]
    [InlineData(false, VirtioDriverFeatures.NotificationData | VirtioDriverFeatures.EventIndex)]
    [InlineData(false, VirtioDriverFeatures.NotificationData | VirtioDriverFeatures.PackedRing)]
    [InlineData(false, VirtioDriverFeatures.NotificationData | VirtioDriverFeatures.PackedRing | VirtioDriverFeatures.EventIndex)]
    [InlineData(true, VirtioDriverFeatures.NotificationData)]
    [InlineData(true, VirtioDriverFeatures.NotificationData | VirtioDriverFeatures.EventIndex)]
    [InlineData(true, VirtioDriverFeatures.NotificationData | VirtioDriverFeatures.PackedRing)]
    [InlineData(true, VirtioDriverFeatures.NotificationData | VirtioDriverFeatures.PackedRing | VirtioDriverFeatures.EventIndex)]
    public void Notifications_WithData_WakeTheDevice(bool isPci, ulong features)
    {
        using VirtioBench? mmio = isPci ? null : new VirtioBench(new VirtioMmio(new EchoDevice(8, 8)));
        using VirtioPciBench? pci = isPci ? new VirtioPciBench(new VirtioPci(new EchoDevice(8, 8))) : null;
        VirtioDriver driver = isPci ? pci!.Driver : mmio!.Driver;
        driver.Start(features);
        Assert.Equal(features | Version1, driver.Features);
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal([(byte)i], driver.Queues[i % 2].Exchange([(byte)i], 8)); // waits for the device, which nobody else wakes
        }
    }

    [Theory]
    [InlineData(1UL << 20)]
    [InlineData(1UL << 24)]
    [InlineData(1UL << 33)]
    [InlineData(1UL << 37)]
    [InlineData(1UL << 41)]
    [InlineData(1UL << 50)]
    [InlineData(1UL << 63)]
    [InlineData(ulong.MaxValue)]
    public void Bits_NotOffered_AreRefused(ulong bits)
    {
        foreach (bool isPci in new[] { false, true })
        {
            using AnyBench bench = AnyBench.Create(new EchoDevice(), isPci);
            Assert.Equal(0UL, bench.Driver.DeviceFeatures & bits & ~bench.Endpoint.OfferedFeatures);

            Assert.Throws<InvalidOperationException>(() => bench.Driver.Start(bits));

            Assert.Equal(3U, bench.Driver.Status);
            Assert.Equal(0UL, bench.Endpoint.NegotiatedFeatures);
            bench.Driver.Start();
            Assert.Equal([1], bench.Ask(0, [1], 8));
        }
    }

    [Theory]
    [InlineData(NetworkHostTso4)]
    [InlineData(NetworkChecksum | NetworkHostEcn)]
    [InlineData(NetworkControlReceive)]
    public void Bits_WithoutThoseThatTheyNeed_AreRefused(ulong bits)
    {
        foreach (bool isPci in new[] { false, true })
        {
            var cable = new NetworkPair();
            using var peer = new NetworkPeer(cable.Second);
            using AnyBench bench = AnyBench.Create(new NetworkDevice(cable.First), isPci);

            Assert.Throws<InvalidOperationException>(() => bench.Driver.Start(bits));

            Assert.Equal(3U, bench.Driver.Status);
            bench.Driver.Start(NetworkChecksum | NetworkHostTso4);
            bench.Ask(1, [.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(60)], 0);
        }
    }

    [Fact]
    public void Pci_WithoutVersion1_DoesNotGetFeaturesOk()
    {
        using var bench = new VirtioPciBench(new VirtioPci(new EchoDevice(), hasWorker: false));

        bench.Driver.Status = 1 | 2 | 8;

        Assert.Equal(3U, bench.Driver.Status);
    }

    [Fact]
    public void Features_OfHalvesBeyondTheSecond_AreNone()
    {
        using var mmio = new VirtioBench(new VirtioMmio(new EchoDevice(), hasWorker: false));
        mmio.Driver.WriteRegister(0x14, 2);
        mmio.Driver.WriteRegister(0x24, 2);
        mmio.Driver.WriteRegister(0x20, uint.MaxValue);
        Assert.Equal(0U, mmio.Driver.ReadRegister(0x10));
        using var pci = new VirtioPciBench(new VirtioPci(new EchoDevice(), hasWorker: false));
        pci.Driver.WriteCommon(0x00, 2, 4);
        pci.Driver.WriteCommon(0x08, 2, 4);
        pci.Driver.WriteCommon(0x0C, uint.MaxValue, 4);
        Assert.Equal(0U, pci.Driver.ReadCommon(0x04, 4));
        Assert.Equal(0U, pci.Driver.ReadCommon(0x0C, 4));
        mmio.Driver.Start();
        pci.Driver.Start();
    }

    [Fact]
    public void Features_OnceAgreedUpon_StayWhatTheyAre()
    {
        using AnyBench bench = AnyBench.Create(new EchoDevice(), isPci: true);
        bench.Driver.Start(VirtioDriverFeatures.IndirectDescriptors);
        ulong agreed = bench.Endpoint.NegotiatedFeatures;

        bench.Endpoint.WriteDriverFeatures(0, uint.MaxValue);
        bench.Endpoint.WriteDriverFeatures(1, uint.MaxValue);

        Assert.Equal(VirtioDriverFeatures.IndirectDescriptors | Version1, agreed);
        Assert.Equal(agreed, bench.Endpoint.NegotiatedFeatures);
    }
}
