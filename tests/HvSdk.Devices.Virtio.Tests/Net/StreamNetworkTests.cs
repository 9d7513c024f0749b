using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>A network behind a socket, with a true peer at its other end.</summary>
public sealed class StreamNetworkTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Frames_BothWays_Arrive()
    {
        (Socket own, Socket peer) = await ConnectAsync();
        using var network = new StreamNetwork(own);
        var device = new NetworkDevice(network);
        using var bench = new VirtioBench(new VirtioMmio(device));
        using Socket _ = peer;
        bench.Driver.Start();
        Assert.True(device.IsLinkUp);
        ulong mark = bench.Arena.Mark;
        foreach (int length in new[] { 14, 1514, NetworkDevice.MaxFrameLength })
        {
            bench.Arena.Clear(mark);
            byte[] frame = NetworkBench.Frame(length);
            bench.Driver.Queues[1].Exchange([.. new byte[NetworkBench.HeaderLength], .. frame], 0);
            Assert.Equal(frame, await ReadFrameAsync(peer));

            ulong buffer = bench.Arena.Allocate(NetworkDevice.MaxFrameLength + NetworkBench.HeaderLength);
            bench.Driver.Queues[0].Add(new DriverBuffer(buffer, NetworkDevice.MaxFrameLength + NetworkBench.HeaderLength, IsWritable: true));
            bench.Driver.Queues[0].Notify();
            await WriteFrameAsync(peer, frame);
            UsedBuffer used = bench.Driver.Queues[0].TakeUsed();
            byte[] received = new byte[used.Written];
            bench.Memory.Read(buffer, received);
            Assert.Equal(frame, received[NetworkBench.HeaderLength..]);
        }
    }

    [Fact]
    public async Task Frames_InPiecesOfOneByte_Arrive()
    {
        (Socket own, Socket peer) = await ConnectAsync();
        using var network = new StreamNetwork(own);
        using Socket _ = peer;
        using var user = new NetworkPeer(network);
        foreach (byte piece in Lead(NetworkBench.Frame(60)).Concat(Lead(NetworkBench.Frame(61))))
        {
            await peer.SendAsync(new[] { piece }, Token);
        }

        byte[] buffer = new byte[100];
        Assert.Equal(60, await user.ReceiveAsync(buffer, Token).AsTask().WaitAsync(s_limit, Token));
        Assert.Equal(61, await user.ReceiveAsync(buffer, Token).AsTask().WaitAsync(s_limit, Token));
        Assert.Equal(NetworkBench.Frame(61), buffer[..61]);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(13u)]
    [InlineData((uint)NetworkDevice.MaxFrameLength + 1)]
    [InlineData(uint.MaxValue)]
    public async Task Peer_ThatBreaksTheProtocol_TakesTheLinkDown(uint length)
    {
        (Socket own, Socket peer) = await ConnectAsync();
        using var network = new StreamNetwork(own);
        using Socket _ = peer;
        var device = new NetworkDevice(network);
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, length);
        await peer.SendAsync(bytes, Token);
        Assert.Contains($" {length} bytes", await network.Completion.WaitAsync(s_limit, Token), StringComparison.Ordinal);
        Assert.False(device.IsLinkUp);
    }

    [Fact]
    public async Task Peer_ThatGoesAway_TakesTheLinkDownAndHoldsNothingUp()
    {
        (Socket own, Socket peer) = await ConnectAsync();
        using var network = new StreamNetwork(own);
        var device = new NetworkDevice(network);
        using var bench = new VirtioBench(new VirtioMmio(device));
        bench.Driver.Start();
        peer.Dispose();
        Assert.NotNull(await network.Completion.WaitAsync(s_limit, Token));
        Assert.False(device.IsLinkUp);
        Assert.Equal(0UL, bench.Driver.ReadConfiguration(6, 2));
        bench.Driver.Queues[1].Exchange([.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(60)], 0);
        Assert.Equal(1, device.Statistics.SentDropped);
    }

    [Fact]
    public async Task Peer_ThatReadsNothing_MakesTheGuestWaitOrLoseFramesAsWanted()
    {
        foreach (FullNetwork whenFull in new[] { FullNetwork.Wait, FullNetwork.Drop })
        {
            (Socket own, Socket peer) = await ConnectAsync();
            using var network = new StreamNetwork(own, whenFull, 256 << 10);
            using Socket _ = peer;
            using var user = new NetworkPeer(network);
            byte[] frame = NetworkBench.Frame(NetworkDevice.MaxFrameLength);
            int sent = 0;
            while (network.Dropped == 0 && user.TrySend(frame))
            {
                Assert.True(++sent < 100_000, "It takes frames without end.");
            }

            Assert.Equal(whenFull == FullNetwork.Drop, network.Dropped > 0);
            if (whenFull == FullNetwork.Wait)
            {
                Task waits = user.SendAsync(frame, cancellationToken: Token).AsTask();
                for (int i = 0; i <= sent; i++)
                {
                    Assert.Equal(frame, await ReadFrameAsync(peer));
                }

                await waits.WaitAsync(s_limit, Token);
            }

            network.Dispose(); // ends, though the peer reads nothing
            Assert.Null(await network.Completion.WaitAsync(s_limit, Token));
        }
    }

    [Fact]
    public async Task Guest_ThatTakesNothing_HoldsUpThePeerAlone()
    {
        (Socket own, Socket peer) = await ConnectAsync();
        using var network = new StreamNetwork(own);
        using Socket _ = peer;
        using var user = new NetworkPeer(network, capacity: 256 << 10);
        const int Count = 300;
        Task sends = Task.Run(
            async () =>
            {
                for (int i = 0; i < Count; i++)
                {
                    await WriteFrameAsync(peer, NetworkBench.Frame(10_000, (byte)i));
                }
            },
            Token);
        byte[] buffer = new byte[NetworkDevice.MaxFrameLength];
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(10_000, await user.ReceiveAsync(buffer, Token).AsTask().WaitAsync(s_limit, Token));
            Assert.Equal(NetworkBench.Frame(10_000, (byte)i), buffer[..10_000]);
        }

        await sends.WaitAsync(s_limit, Token);
    }

    [Fact]
    public async Task Sockets_OfTheWrongKind_AreRefused()
    {
        using var datagram = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Assert.Equal("socket", Assert.Throws<ArgumentException>(() => new StreamNetwork(datagram)).ParamName);
        using var unconnected = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Equal("socket", Assert.Throws<ArgumentException>(() => new StreamNetwork(unconnected)).ParamName);
        Assert.Throws<SocketException>(() => StreamNetwork.Connect(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"))));
        (Socket own, Socket peer) = await ConnectAsync();
        using Socket _ = peer;
        using var network = new StreamNetwork(own);
        Assert.NotNull(new NetworkDevice(network));
        Assert.Throws<InvalidOperationException>(() => new NetworkDevice(network));
    }

    private static async Task<(Socket Own, Socket Peer)> ConnectAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var own = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await own.ConnectAsync(listener.LocalEndPoint!, Token);
        return (own, await listener.AcceptAsync(Token));
    }

    private static byte[] Lead(byte[] frame)
    {
        byte[] bytes = new byte[4 + frame.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, frame.Length);
        frame.CopyTo(bytes, 4);
        return bytes;
    }

    private static async Task WriteFrameAsync(Socket socket, byte[] frame)
    {
        for (ReadOnlyMemory<byte> left = Lead(frame); left.Length > 0;)
        {
            left = left[await socket.SendAsync(left, Token)..];
        }
    }

    private static async Task<byte[]> ReadFrameAsync(Socket socket)
    {
        byte[] frame = new byte[BinaryPrimitives.ReadInt32BigEndian(await ReadAsync(socket, 4))];
        (await ReadAsync(socket, frame.Length)).CopyTo(frame, 0);
        return frame;
    }

    private static async Task<byte[]> ReadAsync(Socket socket, int count)
    {
        byte[] bytes = new byte[count];
        for (int done = 0; done < count;)
        {
            int read = await socket.ReceiveAsync(bytes.AsMemory(done), Token).AsTask().WaitAsync(s_limit, Token);
            Assert.NotEqual(0, read);
            done += read;
        }

        return bytes;
    }
}
