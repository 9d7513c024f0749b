using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>Two machines on a pair, each device with its worker.</summary>
public sealed class NetworkPairTests
{
    private const uint BufferLength = 2048;

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Frames_BetweenTwoMachines_ArriveInOrder(ulong features)
    {
        var cable = new NetworkPair();
        using var first = new Machine(cable.First, features);
        using var second = new Machine(cable.Second, features);
        const int Count = 5_000;
        int sent = 0;
        for (int received = 0; received < Count;)
        {
            while (sent < Count && first.TrySend(sent))
            {
                sent++;
            }

            if (second.TryReceive() is { } number)
            {
                Assert.Equal(received++, number);
            }
            else
            {
                Assert.SkipWhen(TestContext.Current.CancellationToken.IsCancellationRequested, "Cancelled.");
                Thread.Yield();
            }
        }

        Assert.Equal(Count, second.Device.Statistics.FramesReceived);
        Assert.Equal(0, cable.Dropped);
    }

    [Fact]
    public void Segments_BetweenTwoMachines_ArriveInOnePieceWithTheChecksumUndone()
    {
        var cable = new NetworkPair();
        using var first = new Machine(cable.First, null);
        using var second = new Machine(cable.Second, null);
        first.Bench.Driver.Queues[1].Exchange([.. NetworkBench.Header(1, 0x81, 66, 10, KnownFrames.Tcp4Start, KnownFrames.TcpOffset), .. KnownFrames.Tcp4], 0);
        byte[] received = second.Receive();
        Assert.Equal(NetworkBench.Header(1, 0x81, 66, 10, KnownFrames.Tcp4Start, KnownFrames.TcpOffset)[..10], received[..10]);
        Assert.Equal(KnownFrames.Tcp4, received[12..]);
    }

    [Fact]
    public void Reset_OfEitherSideUnderTraffic_LeavesBothWorking()
    {
        var cable = new NetworkPair();
        using var first = new Machine(cable.First, 0);
        using var second = new Machine(cable.Second, 0);
        for (int i = 0; i < 200; i++)
        {
            for (int n = 0; n < 100 && first.TrySend(n); n++)
            {
                second.TryReceive();
            }

            (i % 2 == 0 ? first : second).Restart();
        }

        first.Restart();
        second.Restart();
        Assert.True(first.TrySend(77));
        Assert.Equal(77, BitConverter.ToInt32(second.Receive(), NetworkBench.HeaderLength + 14));
    }

    [Fact]
    public void Receiver_ThatIsFull_LosesFramesWhereThePairDrops()
    {
        var cable = new NetworkPair(FullNetwork.Drop);
        using var first = new NetworkPeer(cable.First);
        using var second = new NetworkPeer(cable.Second, capacity: 256 << 10);
        for (int i = 0; i < 100; i++)
        {
            Assert.True(first.TrySend(NetworkBench.Frame(10_000)));
        }

        Assert.InRange(cable.Dropped, 74, 75);
    }

    private sealed class Machine : IDisposable
    {
        private readonly ulong? _features;
        private readonly Dictionary<ushort, ulong> _buffers = [];
        private readonly ulong _mark;
        private ulong _frame;
        private int _inFlight;

        public Machine(INetworkBackend end, ulong? features)
        {
            _features = features;
            Device = new NetworkDevice(end, new() { QueueSize = 64 });
            Bench = new VirtioBench(new VirtioMmio(Device));
            _mark = Bench.Arena.Mark;
            Restart();
        }

        public NetworkDevice Device { get; }

        public VirtioBench Bench { get; }

        public void Restart()
        {
            Bench.Driver.Status = 0;
            Bench.Arena.Clear(_mark);
            Bench.Driver.Start(_features);
            _buffers.Clear();
            _inFlight = 0;
            _frame = Bench.Arena.Allocate(64 * 128);
            for (int i = 0; i < 32; i++)
            {
                Offer(Bench.Arena.Allocate(BufferLength));
            }
        }

        public bool TrySend(int number)
        {
            VirtqueueDriver queue = Bench.Driver.Queues[1];
            ulong address = _frame + ((ulong)(number % 64) * 128);
            byte[] bytes = [.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(14), .. BitConverter.GetBytes(number), .. new byte[42]];
            while (queue.TryTakeUsed(out _))
            {
                _inFlight--;
            }

            if (_inFlight >= 60)
            {
                return false;
            }

            Bench.Memory.Write(address, bytes);
            queue.Add(new DriverBuffer(address, (uint)bytes.Length, IsWritable: false));
            _inFlight++;
            if (queue.WantsNotification)
            {
                queue.Notify();
            }

            return true;
        }

        public int? TryReceive() => Take() is { } bytes ? BitConverter.ToInt32(bytes, NetworkBench.HeaderLength + 14) : null;

        public byte[] Receive()
        {
            SpinWait spin = default;
            byte[]? bytes;
            while ((bytes = Take()) is null)
            {
                Assert.True(spin.Count < 1_000_000, "Nothing comes.");
                spin.SpinOnce();
            }

            return bytes;
        }

        public void Dispose() => Bench.Dispose();

        private byte[]? Take()
        {
            if (!Bench.Driver.Queues[0].TryTakeUsed(out UsedBuffer used) || !_buffers.Remove(used.Id, out ulong address))
            {
                return null;
            }

            byte[] bytes = new byte[used.Written];
            Bench.Memory.Read(address, bytes);
            Offer(address);
            return bytes;
        }

        private void Offer(ulong address)
        {
            VirtqueueDriver queue = Bench.Driver.Queues[0];
            _buffers[queue.Add(new DriverBuffer(address, BufferLength, IsWritable: true))] = address;
            if (queue.WantsNotification)
            {
                queue.Notify();
            }
        }
    }
}
