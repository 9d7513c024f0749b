using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>Frames from the driver that the back-end takes where they lie in guest memory.</summary>
public sealed class NetworkBuffersTests : IDisposable
{
    private readonly BuffersNetwork _network = new();
    private readonly NetworkDevice _device;
    private readonly Bench _bench;

    public NetworkBuffersTests()
    {
        _device = new NetworkDevice(_network);
        _bench = new Bench(_device);
        _bench.Driver.Start(null);
    }

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Frame_InManyPieces_ComesWholeAndUncopied()
    {
        foreach (int length in new[] { 14, 60, 255, 256, 257, 1514, NetworkDevice.MaxFrameLength })
        {
            byte[] frame = NetworkBench.Frame(length);
            Send(new byte[NetworkBench.HeaderLength], frame.Chunk(300));
            Assert.Equal(frame, _network.Buffers[^1].Frame);
        }

        Assert.Equal(7, _device.Statistics.FramesSent);
        Assert.Empty(_network.Copies);
    }

    [Fact]
    public void Frame_BehindItsHeaderInOnePiece_ComesWithoutIt()
    {
        byte[] frame = NetworkBench.Frame(100);
        Send([], [[.. new byte[NetworkBench.HeaderLength], .. frame]]);
        Assert.Equal(frame, Assert.Single(_network.Buffers).Frame);
    }

    [Fact]
    public void Segments_ThatTheBackendTakes_AreSaidWithTheTrueHeaderLength()
    {
        Send(NetworkBench.Header(1, 0x81, 9999, 10, KnownFrames.Tcp4Start, KnownFrames.TcpOffset), [KnownFrames.Tcp4]);

        (byte[] frame, FrameOffload offload, int queue) = Assert.Single(_network.Buffers);
        Assert.Equal(KnownFrames.Tcp4, frame);
        Assert.Equal(KnownFrames.Tcp4Offload() with { HeaderLength = 66 }, offload);
        Assert.Equal(0, queue);
    }

    [Fact]
    public void Frame_ThatIsNotTaken_ComesAsACopy()
    {
        _network.IsFull = true;
        Send(new byte[NetworkBench.HeaderLength], [NetworkBench.Frame(60)]);

        Assert.Empty(_network.Buffers);
        Assert.Equal(NetworkBench.Frame(60), Assert.Single(_network.Copies).Frame);
        Assert.Equal(1, _device.Statistics.FramesSent);
    }

    [Theory]
    [InlineData(NetworkOffloads.None)]
    [InlineData(NetworkOffloads.Checksum)]
    public void Frame_WithSomethingToDo_ComesAsACopyWithAllDone(NetworkOffloads takes)
    {
        var network = new BuffersNetwork { Takes = takes };
        using var bench = new Bench(new NetworkDevice(network));
        bench.Driver.Start(null);
        Send(bench, NetworkBench.Header(1, 0x81, 0, 10, KnownFrames.Tcp4Start, KnownFrames.TcpOffset), [KnownFrames.Tcp4]);

        Assert.Empty(network.Buffers);
        Assert.Equal(KnownFrames.Tcp4Segments, network.Copies.Select(static copy => copy.Frame));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(13)]
    [InlineData(NetworkDevice.MaxFrameLength + 1)]
    public void Frame_OfNoPossibleLength_IsCountedOnceAndDropped(int length)
    {
        Send(new byte[NetworkBench.HeaderLength], [new byte[length]]);

        Assert.Empty(_network.Buffers);
        Assert.Empty(_network.Copies);
        Assert.Equal(1, _device.Statistics.Malformed);
    }

    [Fact]
    public void Frame_WithHeadersBehindWhatIsChecked_ComesAsACopyOrNotAtAll()
    {
        // It says that TCP begins at byte 300, where an IPv4 header never ends.
        byte[] frame = NetworkBench.Frame(1000);
        KnownFrames.Tcp4.CopyTo(frame, 0);
        Send(NetworkBench.Header(1, 1, 0, 10, 300, KnownFrames.TcpOffset), [frame]);

        Assert.Empty(_network.Buffers);
        Assert.Equal(1, _device.Statistics.Malformed);
    }

    [Fact]
    public void Frame_WithTheLinkDown_IsDropped()
    {
        _device.IsLinkUp = false;
        Send(new byte[NetworkBench.HeaderLength], [NetworkBench.Frame(60)]);

        Assert.Empty(_network.Buffers);
        Assert.Equal(1, _device.Statistics.SentDropped);
    }

    [Fact]
    public void Frames_WithALimit_AreCopiedAndWait()
    {
        var network = new BuffersNetwork();
        using var bench = new Bench(new NetworkDevice(network, new NetworkDeviceOptions { TransmitFrames = new RateLimit(1) }));
        bench.Driver.Start(null);
        Send(bench, new byte[NetworkBench.HeaderLength], [NetworkBench.Frame(60)]);
        Send(bench, new byte[NetworkBench.HeaderLength], [NetworkBench.Frame(61)]);

        Assert.Empty(network.Buffers);
        Assert.Equal(60, Assert.Single(network.Copies).Frame.Length);
    }

    private void Send(byte[] header, IEnumerable<byte[]> pieces) => Send(_bench, header, pieces);

    private static void Send(Bench bench, byte[] header, IEnumerable<byte[]> pieces)
    {
        ulong mark = bench.Arena.Mark;
        VirtqueueDriver queue = bench.Driver.Queues[1];
        queue.Add([.. pieces.Prepend(header).Where(static piece => piece.Length > 0).Select(piece => bench.Readable(piece))]);
        bench.Work();
        queue.TryTakeUsed(out _);
        bench.Arena.Clear(mark);
    }
}
