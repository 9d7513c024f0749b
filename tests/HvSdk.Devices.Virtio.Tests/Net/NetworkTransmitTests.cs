using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>Frames from the driver (virtio 1.2, 5.1.6.2).</summary>
public sealed class NetworkTransmitTests
{
    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Frame_Sent_Arrives(ulong features)
    {
        using var bench = new NetworkBench(features: features);
        foreach (int length in new[] { 14, 60, 1514, NetworkDevice.MaxFrameLength })
        {
            bench.Send(NetworkBench.Frame(length));
            Assert.Equal(NetworkBench.Frame(length), bench.TakeSent());
        }

        Assert.Equal(4, bench.Device.Statistics.FramesSent);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(13)]
    [InlineData(NetworkDevice.MaxFrameLength + 1)]
    public void Frame_OfNoPossibleLength_IsCountedAndDropped(int length)
    {
        using var bench = new NetworkBench();
        bench.Send(new byte[length]);
        Assert.Null(bench.TakeSent());
        Assert.Equal(1, bench.Device.Statistics.Malformed);
        Assert.Null(bench.Device.Fault);
    }

    [Fact]
    public void Chain_CutAtEveryLength_DoesNoHarm()
    {
        using var bench = new NetworkBench();
        VirtqueueDriver queue = bench.Driver.Queues[1];
        for (uint length = 1; length < 30; length++)
        {
            queue.Add(new DriverBuffer(0x20_0000, length, IsWritable: false));
            queue.Add(new DriverBuffer(0x20_0000, length, IsWritable: true));
            bench.Bench.Work();
            queue.TakeUsed();
            queue.TakeUsed();
        }

        Assert.Equal(4, bench.Device.Statistics.FramesSent);
        Assert.Null(bench.Device.Fault);
    }

    [Fact]
    public void Checksum_ThatThePeerTakes_IsLeftToIt()
    {
        using var bench = new NetworkBench(takes: NetworkOffloads.Checksum);
        bench.Send(KnownFrames.Udp4, NetworkBench.Header(1, start: KnownFrames.Tcp4Start, offset: KnownFrames.UdpOffset));
        Assert.Equal(KnownFrames.Udp4, bench.TakeSent(out FrameOffload offload));
        Assert.Equal(KnownFrames.Udp4Offload, offload);
    }

    [Fact]
    public void Checksum_ThatThePeerDoesNotTake_IsCompleted()
    {
        using var bench = new NetworkBench();
        bench.Send(KnownFrames.Udp4, NetworkBench.Header(1, start: KnownFrames.Tcp4Start, offset: KnownFrames.UdpOffset));
        Assert.Equal(KnownFrames.Udp4Whole, bench.TakeSent(out FrameOffload offload));
        Assert.False(offload.NeedsChecksum);
    }

    [Fact]
    public void Segments_ThatThePeerTakes_AreLeftToItWithTheTrueHeaderLength()
    {
        using var bench = new NetworkBench(takes: NetworkOffloads.All);
        bench.Send(KnownFrames.Tcp4, NetworkBench.Header(1, 0x81, 9999, 10, KnownFrames.Tcp4Start, KnownFrames.TcpOffset));
        Assert.Equal(KnownFrames.Tcp4, bench.TakeSent(out FrameOffload offload));
        Assert.Equal(KnownFrames.Tcp4Offload() with { HeaderLength = 66 }, offload);
    }

    [Theory]
    [InlineData(NetworkOffloads.None)]
    [InlineData(NetworkOffloads.Checksum)]
    public void Segments_ThatThePeerDoesNotTake_AreCut(NetworkOffloads takes)
    {
        using var bench = new NetworkBench(takes: takes);
        bench.Send(KnownFrames.Tcp4, NetworkBench.Header(1, 0x81, 0, 10, KnownFrames.Tcp4Start, KnownFrames.TcpOffset));
        Assert.All(KnownFrames.Tcp4Segments, segment => Assert.Equal(segment, bench.TakeSent()));
        bench.Send(KnownFrames.Tcp6, NetworkBench.Header(1, 4, 0, 16, KnownFrames.Tcp6Start, KnownFrames.TcpOffset));
        Assert.All(KnownFrames.Tcp6Segments, segment => Assert.Equal(segment, bench.TakeSent()));
        Assert.Null(bench.TakeSent());
    }

    [Theory]
    [InlineData(0, 1, 10, 34, 16)] // segments without a checksum
    [InlineData(1, 1, 0, 34, 16)] // of no size
    [InlineData(1, 1, 10, 35, 16)] // not where TCP starts
    [InlineData(1, 1, 10, 34, 6)] // UDP's checksum
    [InlineData(1, 1, 10, 80, 16)] // beyond the frame
    [InlineData(1, 4, 10, 34, 16)] // no IPv6
    [InlineData(1, 3, 10, 34, 6)] // UDP's fragments, which are not offered
    [InlineData(1, 5, 10, 34, 6)] // UDP's segments, which are not offered
    [InlineData(1, 0x7F, 10, 34, 16)]
    [InlineData(1, 0, 0, 90, 0)]
    [InlineData(1, 0, 0, 0xFFFF, 0xFFFF)]
    [InlineData(1, 0, 0, 0, 0)]
    public void Header_ThatDoesNotFitTheFrame_IsCountedAndDropped(byte flags, byte type, ushort size, ushort start, ushort offset)
    {
        using var bench = new NetworkBench();
        bench.Send(KnownFrames.Tcp4, NetworkBench.Header(flags, type, 0, size, start, offset));
        Assert.Null(bench.TakeSent());
        Assert.Equal(1, bench.Device.Statistics.Malformed);
    }

    [Fact]
    public void Offload_NotAgreedUpon_IsRefused()
    {
        using var bench = new NetworkBench(features: 0);
        bench.Send(KnownFrames.Udp4, NetworkBench.Header(1, start: KnownFrames.Tcp4Start, offset: KnownFrames.UdpOffset));
        Assert.Null(bench.TakeSent());
        Assert.Equal(1, bench.Device.Statistics.Malformed);
    }

    [Fact]
    public void Backend_Full_MakesTheDriverWaitAndLosesNothing()
    {
        using var bench = new NetworkBench();
        VirtqueueDriver queue = bench.Driver.Queues[1];
        int used = 0;
        for (int i = 0; i < 200; i++)
        {
            queue.Add(bench.Bench.Readable([.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(10_000, (byte)i)]));
        }

        for (int received = 0; received < 200; received++)
        {
            bench.Bench.Work();
            while (queue.TryTakeUsed(out _))
            {
                used++;
            }

            Assert.InRange(used, received, received + 27); // what the other side keeps, and one
            Assert.Equal(NetworkBench.Frame(10_000, (byte)received), bench.TakeSent());
        }
    }

    [Fact]
    public void Segments_WithABackendThatIsFullInBetween_AllArrive()
    {
        using var bench = new NetworkBench();
        byte[] frame = new byte[60_000];
        KnownFrames.Tcp4.CopyTo(frame, 0);
        for (int i = 0; i < 8; i++)
        {
            bench.Driver.Queues[1].Add(bench.Bench.Readable([.. NetworkBench.Header(1, 1, 0, 1000, KnownFrames.Tcp4Start, KnownFrames.TcpOffset), .. frame]));
        }

        int count = 0;
        int bytes = 0;
        bench.Bench.Work();
        while (bench.TakeSent() is { } segment)
        {
            count++;
            bytes += segment.Length - 66;
            bench.Bench.Work();
        }

        Assert.Equal(8 * 60, count);
        Assert.Equal(8 * (60_000 - 66), bytes);
        Assert.Equal(8, bench.Device.Statistics.FramesSent);
    }

    [Fact]
    public void Queues_SeveralWithABackendThatIsFull_AllGetTheirTurn()
    {
        using var bench = new NetworkBench(new() { QueuePairs = 2 });
        Assert.Equal(0, bench.Command(4, 0, 2, 0));
        for (int i = 0; i < 100; i++)
        {
            bench.Driver.Queues[1].Add(bench.Bench.Readable([.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(5_000, 0)]));
            bench.Driver.Queues[3].Add(bench.Bench.Readable([.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(5_000, 1)]));
        }

        int ofSecond = 0;
        for (int i = 0; i < 100; i++)
        {
            bench.Bench.Work();
            ofSecond += bench.TakeSent()![1] == 8 ? 1 : 0;
        }

        Assert.InRange(ofSecond, 30, 70);
    }

    [Fact]
    public void Frames_WithALimit_ComeInTime()
    {
        using var bench = new NetworkBench(new() { TransmitFrames = new RateLimit(10, 2), TransmitBytes = new RateLimit(1_000_000) });
        for (int i = 0; i < 5; i++)
        {
            bench.Driver.Queues[1].Add(bench.Bench.Readable([.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(100, (byte)i)]));
        }

        bench.Bench.Work();
        Assert.NotNull(bench.TakeSent());
        Assert.NotNull(bench.TakeSent());
        for (int i = 0; i < 3; i++)
        {
            Assert.Null(bench.TakeSent());
            bench.Bench.Slot.Time.Advance(TimeSpan.FromMilliseconds(100));
            bench.Bench.Work();
            Assert.NotNull(bench.TakeSent());
        }

        Assert.Equal(3, bench.Device.Statistics.Throttled);
    }

    [Fact]
    public void Reset_WithAFrameUnderWay_DropsItAndGoesOn()
    {
        using var bench = new NetworkBench(new() { TransmitFrames = new RateLimit(1) });
        bench.Send(NetworkBench.Frame(60));
        bench.Send(NetworkBench.Frame(61));
        bench.Driver.Start();
        Assert.Equal(1, bench.Device.Statistics.SentDropped);
        bench.Bench.Slot.Time.Advance(TimeSpan.FromSeconds(2));
        bench.Send(NetworkBench.Frame(62));
        Assert.Equal(60, bench.TakeSent()!.Length);
        Assert.Equal(62, bench.TakeSent()!.Length);
    }

    [Fact]
    public void BackEnd_WithAHeaderOfItsOwn_GetsRoomBeforeFramesAndSegments()
    {
        var backend = new HeaderBackend(10);
        using var bench = new Bench(new NetworkDevice(backend));
        bench.Driver.Start();
        byte[] header = NetworkBench.Header(flags: 1, type: 1, segmentSize: 10, start: KnownFrames.Tcp4Start, offset: KnownFrames.TcpOffset);
        foreach ((byte[] Header, byte[] Frame) sent in new[] { (new byte[NetworkBench.HeaderLength], NetworkBench.Frame(60)), (header, KnownFrames.Tcp4) })
        {
            bench.Driver.Queues[1].Add(bench.Readable(sent.Header), bench.Readable(sent.Frame));
            bench.Work();
        }

        Assert.Equal([NetworkBench.Frame(60), .. KnownFrames.Tcp4Segments], backend.Frames);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(65)]
    public void BackEnd_WantingImpossibleRoom_IsRefused(int room)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new NetworkDevice(new HeaderBackend(room)));
        Assert.Contains($"HeaderRoom is {room}", e.Message, StringComparison.Ordinal);
        Assert.Contains("0 to 64", e.Message, StringComparison.Ordinal);
    }

    /// <summary>Writes into its room, as a back-end does, and keeps the frames.</summary>
    private sealed class HeaderBackend(int room) : INetworkBackend
    {
        public List<byte[]> Frames { get; } = [];

        public int HeaderRoom => room;

        public NetworkOffloads Takes => NetworkOffloads.None;

        public NetworkOffloads Gives => NetworkOffloads.None;

        public void Attach(INetworkPort port)
        {
        }

        public bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload) => throw new InvalidOperationException("It has room for a header.");

        public bool TrySendInPlace(Span<byte> bytes, in FrameOffload offload, int queue)
        {
            bytes[..room].Fill(0xEE);
            Frames.Add(bytes[room..].ToArray());
            return true;
        }

        public void OnRoom()
        {
        }
    }
}
