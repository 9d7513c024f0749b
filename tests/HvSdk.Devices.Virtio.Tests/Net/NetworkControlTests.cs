using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>The control queue (virtio 1.2, 5.1.6.5), the configuration space, and options.</summary>
public sealed class NetworkControlTests
{
    private const byte Ok = 0;
    private const byte Error = 1;
    private const ulong ControlQueue = 1UL << 17;

    private static readonly byte[] s_own = [0x52, 0x54, 0, 1, 2, 3];
    private static readonly byte[] s_other = [0x52, 0x54, 0, 9, 9, 9];
    private static readonly byte[] s_group = [0x33, 0x33, 0, 0, 0, 1];
    private static readonly byte[] s_broadcast = [255, 255, 255, 255, 255, 255];

    [Fact]
    public void Modes_Set_DecideWhatPasses()
    {
        using NetworkBench bench = Create();
        Assert.Equal("own other group broadcast", Passing(bench));
        Assert.Equal(Ok, bench.Command(0, 0, 0));
        Assert.Equal("own broadcast", Passing(bench));
        Assert.Equal(Ok, bench.Command(0, 1, 1));
        Assert.Equal("own group broadcast", Passing(bench));
        Assert.Equal(Ok, bench.Command(0, 3, 1));
        Assert.Equal("own broadcast", Passing(bench));
        Assert.Equal(Ok, bench.Command(0, 2, 1));
        Assert.Equal("own other broadcast", Passing(bench));
        Assert.Equal(Ok, bench.Command(0, 4, 1));
        Assert.Equal("broadcast", Passing(bench));
        Assert.Equal(Ok, bench.Command(0, 5, 1));
        Assert.Equal("", Passing(bench));
        Assert.Equal(Ok, bench.Command(0, 0, 1));
        Assert.Equal("own other group broadcast", Passing(bench));
    }

    [Fact]
    public void Tables_Set_DecideWhatPasses()
    {
        using NetworkBench bench = Create();
        Assert.Equal(Ok, bench.Command(0, 0, 0));
        Assert.Equal(Ok, bench.Command(1, 0, [1, 0, 0, 0, .. s_other, 1, 0, 0, 0, .. s_group]));
        Assert.Equal("own other group broadcast", Passing(bench));
        Assert.Equal(Ok, bench.Command(1, 0, [0, 0, 0, 0, 0, 0, 0, 0]));
        Assert.Equal("own broadcast", Passing(bench));
    }

    [Fact]
    public void Tables_TooLong_LetAllOfTheirKindPass()
    {
        using NetworkBench bench = Create();
        Assert.Equal(Ok, bench.Command(0, 0, 0));
        Assert.Equal(Ok, bench.Command(1, 0, [0, 0, 0, 0, 65, 0, 0, 0, .. new byte[65 * 6]]));
        Assert.Equal("own group broadcast", Passing(bench));
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 1, 0, 0, 0, 1, 2, 3, 4, 5 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 255, 255, 255, 127 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 0, 0, 0, 1 })]
    public void Tables_ShorterThanTheySay_AreRefused(byte[] data)
    {
        using NetworkBench bench = Create();
        Assert.Equal(Ok, bench.Command(0, 0, 0));
        Assert.Equal(Ok, bench.Command(1, 0, [1, 0, 0, 0, .. s_other, 0, 0, 0, 0]));
        Assert.Equal(Error, bench.Command(1, 0, data));
        Assert.Equal("own other broadcast", Passing(bench));
    }

    [Fact]
    public void Address_Set_IsTheDevicesUntilItsReset()
    {
        using NetworkBench bench = Create();
        Assert.Equal(Ok, bench.Command(1, 1, s_other));
        Assert.Equal(new MacAddress(s_other), bench.Device.MacAddress);
        Assert.Equal(0x0909_0900_5452UL, bench.Driver.ReadConfiguration(0, 8) & 0xFFFF_FFFF_FFFF);
        Assert.Equal(Error, bench.Command(1, 1, s_group));
        Assert.Equal(Error, bench.Command(1, 1, new byte[6]));
        Assert.Equal(Error, bench.Command(1, 1, s_other.AsSpan(0, 5)));
        bench.Driver.Status = 0;
        Assert.Equal(new MacAddress(s_own), bench.Device.MacAddress);
    }

    [Fact]
    public void Vlans_Added_Pass()
    {
        using NetworkBench bench = Create();
        bench.Offer(200);
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp6Segments[0]));
        Assert.Null(bench.TakeReceived());
        Assert.Equal(Ok, bench.Command(2, 0, 5, 0));
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp6Segments[0]));
        Assert.NotNull(bench.TakeReceived());
        Assert.Equal(Ok, bench.Command(2, 1, 5, 0));
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp6Segments[0]));
        Assert.Null(bench.TakeReceived());
        Assert.Equal(Error, bench.Command(2, 0, 0, 0x10));
        Assert.Equal(2, bench.Device.Statistics.Filtered);
    }

    [Theory]
    [InlineData(0, Error)]
    [InlineData(1, Ok)]
    [InlineData(3, Ok)]
    [InlineData(4, Error)]
    public void Pairs_Set_AreChecked(byte pairs, byte answer)
    {
        using var bench = new NetworkBench(new() { QueuePairs = 3 });
        Assert.Equal(answer, bench.Command(4, 0, pairs, 0));
        Assert.Equal(answer == Ok ? pairs : 1, bench.Device.ActiveQueuePairs);
    }

    [Fact]
    public void Pairs_NotAgreedUpon_LeaveTheControlQueueBehindTheFirst()
    {
        using var bench = new NetworkBench(new() { QueuePairs = 3 }, features: ControlQueue | (1UL << 18));
        VirtqueueDriver third = bench.Driver.Queues[2];
        third.Add(bench.Bench.Readable(0, 0, 1), bench.Bench.Writable(1));
        bench.Bench.Work();
        Assert.Equal(1U, third.TakeUsed().Written);
    }

    [Fact]
    public void GuestOffloads_Set_AreThoseThatApply()
    {
        using NetworkBench bench = Create();
        bench.Offer(200, 4);
        Assert.Equal(Ok, bench.Command(5, 0, new byte[8]));
        Assert.True(bench.Peer.TrySend(KnownFrames.Tcp4, KnownFrames.Tcp4Offload()));
        Assert.Equal(KnownFrames.Tcp4Segments[0], bench.TakeReceived()![12..]);
        Assert.Equal(Error, bench.Command(5, 0, 1, 0, 0, 0, 0, 0, 0, 0)); // VIRTIO_NET_F_CSUM is none
    }

    [Theory]
    [InlineData(0, 6)]
    [InlineData(1, 2)]
    [InlineData(3, 1)]
    [InlineData(4, 1)]
    [InlineData(4, 2)]
    [InlineData(255, 255)]
    public void Command_Unknown_IsRefused(byte kind, byte command)
    {
        using NetworkBench bench = Create();
        Assert.Equal(Error, bench.Command(kind, command, new byte[16]));
    }

    [Fact]
    public void Command_NotAgreedUpon_IsRefused()
    {
        using var bench = new NetworkBench(new() { QueuePairs = 2 }, features: ControlQueue);
        foreach ((byte kind, byte command) in new (byte, byte)[] { (0, 0), (0, 3), (1, 0), (1, 1), (2, 0), (4, 0), (5, 0) })
        {
            VirtqueueDriver queue = bench.Driver.Queues[2];
            DriverBuffer ack = bench.Bench.Writable(1);
            queue.Add(bench.Bench.Readable([kind, command, 1, 0, 0, 0, 0, 0, 0, 0]), ack);
            bench.Bench.Work();
            Assert.Equal(1U, queue.TakeUsed().Written);
            Assert.Equal(Error, bench.Bench.Memory.Read<byte>(ack.Address));
        }
    }

    [Fact]
    public void Command_WithoutRoomForTheAnswer_ComesBack()
    {
        using NetworkBench bench = Create();
        bench.Control.Add(bench.Bench.Readable(0, 0, 1));
        bench.Control.Add(bench.Bench.Writable(1));
        bench.Bench.Work();
        Assert.Equal(0U, bench.Control.TakeUsed().Written);
        Assert.Equal(1U, bench.Control.TakeUsed().Written);
    }

    [Fact]
    public void Link_Changed_IsToldToTheDriver()
    {
        using NetworkBench bench = Create();
        Assert.Equal(1UL, bench.Driver.ReadConfiguration(6, 2));
        bench.Bench.Acknowledge();
        bench.Device.IsLinkUp = false;
        Assert.Equal(2U, bench.Driver.InterruptStatus & 2);
        Assert.Equal(0UL, bench.Driver.ReadConfiguration(6, 2));
        bench.Bench.Acknowledge();
        bench.Send(NetworkBench.Frame(60));
        Assert.True(bench.Peer.TrySend(NetworkBench.Frame(60)));
        Assert.Null(bench.TakeSent());
        Assert.Equal((1, 1), (bench.Device.Statistics.SentDropped, bench.Device.Statistics.ReceivedDropped));
        bench.Device.IsLinkUp = false;
        Assert.Equal(0U, bench.Driver.InterruptStatus & 2);
        bench.Device.IsLinkUp = true;
        Assert.Equal(2U, bench.Driver.InterruptStatus & 2);
        bench.Send(NetworkBench.Frame(60));
        Assert.NotNull(bench.TakeSent());
    }

    [Fact]
    public void Announcement_AskedFor_StandsUntilTheDriverSaysThatItDoes()
    {
        using NetworkBench bench = Create();
        Assert.True(bench.Device.Announce());
        Assert.Equal(3UL, bench.Driver.ReadConfiguration(6, 2));
        Assert.Equal(2U, bench.Driver.InterruptStatus & 2);
        Assert.Equal(Ok, bench.Command(3, 0));
        Assert.False(bench.Device.IsAnnouncing);
        Assert.Equal(1UL, bench.Driver.ReadConfiguration(6, 2));
        Assert.Equal(Error, bench.Command(3, 1));
        using var other = new NetworkBench(features: ControlQueue);
        Assert.False(other.Device.Announce());
        Assert.Equal(Error, other.Command(3, 0));
    }

    [Fact]
    public void Link_WithoutAnybodyAtTheOtherEnd_IsDown()
    {
        var cable = new NetworkPair();
        var device = new NetworkDevice(cable.First);
        Assert.False(device.IsLinkUp);
        using var peer = new NetworkPeer(cable.Second);
        Assert.True(device.IsLinkUp);
        Assert.True(peer.IsLinkUp);
        Assert.Throws<InvalidOperationException>(() => new NetworkDevice(cable.First));
    }

    [Fact]
    public void Configuration_Read_IsWhatTheOptionsSay()
    {
        using var bench = new NetworkBench(new() { Mtu = 9000, Speed = 10_000, MacAddress = new MacAddress(s_own) });
        Assert.Equal(0x0302_0100_5452UL, bench.Driver.ReadConfiguration(0, 8) & 0xFFFF_FFFF_FFFF);
        Assert.Equal(9000UL, bench.Driver.ReadConfiguration(10, 2));
        Assert.Equal(10_000UL, bench.Driver.ReadConfiguration(12, 4));
        Assert.Equal(1UL, bench.Driver.ReadConfiguration(16, 1));
        const ulong MtuAndSpeed = (1UL << 3) | (1UL << 63);
        Assert.Equal(MtuAndSpeed, bench.Driver.DeviceFeatures & MtuAndSpeed);
        using var plain = new NetworkBench();
        Assert.Equal(0UL, plain.Driver.DeviceFeatures & MtuAndSpeed);
    }

    [Theory]
    [InlineData(1UL << 7)] // segments for the guest without checksums
    [InlineData(1UL << 11)] // segments of the guest without checksums
    [InlineData(1UL << 22)] // several queues without the control queue
    [InlineData(1UL << 23)]
    public void Features_ThatNeedOthers_AreRefusedAlone(ulong features)
    {
        using var bench = new NetworkBench(new() { QueuePairs = 2 }, starts: false);
        Assert.Throws<InvalidOperationException>(() => bench.Driver.Start(features));
    }

    [Fact]
    public void Options_OutOfRange_AreRefusedWithTheirName()
    {
        Refuses(new() { Mtu = 67 }, "Mtu");
        Refuses(new() { Mtu = 65536 }, "Mtu");
        Refuses(new() { MacAddress = new MacAddress(s_group) }, "MacAddress");
        Refuses(new() { MacAddress = default(MacAddress) }, "MacAddress");
        Refuses(new() { QueuePairs = 0 }, "QueuePairs");
        Refuses(new() { QueuePairs = 17 }, "QueuePairs");
        Refuses(new() { QueueSize = 100 }, "QueueSize");
        Refuses(new() { Offloads = NetworkOffloads.TcpIPv4 }, "Offloads");
        Refuses(new() { ReceiveBufferSize = 1000 }, "ReceiveBufferSize");
        Refuses(new() { Speed = 0 }, "Speed");

        static void Refuses(NetworkDeviceOptions options, string name) =>
            Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => new NetworkDevice(new NetworkPair().First, options)).ParamName);
    }

    [Fact]
    public void MacAddress_AsText_ComesBack()
    {
        Assert.Equal("52:54:00:01:02:03", new MacAddress(s_own).ToString());
        Assert.Equal(new MacAddress(s_own), MacAddress.Parse("52-54-00-01-02-03"));
        Assert.True(MacAddress.CreateRandom().IsStation);
        Assert.NotEqual(MacAddress.CreateRandom(), MacAddress.CreateRandom());
        Assert.All(["", "52:54:00:01:02", "52:54:00:01:02:0g", "52:54:00:01:02:030", "+2:54:00:01:02:03", "52.54.00.01.02.03"], static text => Assert.Throws<FormatException>(() => MacAddress.Parse(text)));
    }

    private static NetworkBench Create() => new(new() { MacAddress = new MacAddress(s_own) });

    private static string Passing(NetworkBench bench)
    {
        List<string> passing = [];
        foreach ((string name, byte[] address) in new[] { ("own", s_own), ("other", s_other), ("group", s_group), ("broadcast", s_broadcast) })
        {
            bench.Offer(100);
            byte[] frame = NetworkBench.Frame(60);
            address.CopyTo(frame, 0);
            Assert.True(bench.Peer.TrySend(frame));
            if (bench.TakeReceived() is not null)
            {
                passing.Add(name);
            }
        }

        return string.Join(' ', passing);
    }
}
