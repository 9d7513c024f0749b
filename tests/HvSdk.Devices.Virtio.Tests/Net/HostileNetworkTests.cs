using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>Random drivers and random peers: no exception, no hang, no growth, and a device that works after a reset.</summary>
public sealed class HostileNetworkTests
{
    private static int Rounds => Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 300_000 : 3_000;

    [Theory]
    [InlineData(0UL, 1)]
    [InlineData(VirtioDriverFeatures.PackedRing, 2)]
    public void Requests_AtRandom_DoNoHarm(ulong ring, int seed)
    {
        var random = new Random(seed);
        using var bench = new NetworkBench(new() { QueuePairs = 2, QueueSize = 16 }, starts: false);
        ulong mark = bench.Bench.Arena.Mark;
        for (int i = 0; i < Rounds; i++)
        {
            if (i % 8 == 0)
            {
                bench.Bench.Arena.Clear(mark);
                bench.Driver.Start((bench.Driver.DeviceFeatures & ~VirtioDriverFeatures.PackedRing & ~VirtioDriverFeatures.InOrder) | ring);
                bench.Bench.Arena.Allocate(1 << 20);
            }

            VirtqueueDriver queue = bench.Driver.Queues[random.Next(5)];
            DriverBuffer[] buffers = [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => Buffer(bench, random))];
            try
            {
                queue.Add(buffers.OrderBy(static buffer => buffer.IsWritable).ToArray());
            }
            catch (InvalidOperationException)
            {
                // The ring is full: the driver's side keeps to that.
            }

            if (random.Next(3) == 0)
            {
                bench.Peer.TrySend(RandomFrame(random, out FrameOffload offload), offload);
            }

            bench.Bench.Work();
            while (bench.TakeSent() is not null)
            {
            }
        }

        bench.Bench.Arena.Clear(mark);
        bench.Driver.Start();
        bench.Send(NetworkBench.Frame(99));
        Assert.Equal(NetworkBench.Frame(99), bench.TakeSent());
    }

    [Fact]
    public void Headers_AtRandomOverTrueFrames_GiveFramesOfPossibleLengths()
    {
        var random = new Random(3);
        using var bench = new NetworkBench();
        byte[] header = new byte[NetworkBench.HeaderLength];
        for (int i = 0; i < Rounds; i++)
        {
            byte[] frame = [.. random.Next(2) == 0 ? KnownFrames.Tcp4 : KnownFrames.Tcp6];
            NetworkBench.Header(1, (byte)(random.Next(2) == 0 ? 1 : 4), 0, (ushort)random.Next(20), random.Next(2) == 0 ? KnownFrames.Tcp4Start : KnownFrames.Tcp6Start, 16).CopyTo(header, 0);
            header[random.Next(header.Length)] = (byte)random.Next(256);
            frame[random.Next(frame.Length)] = (byte)random.Next(256);
            bench.Send(frame, header);
            while (bench.TakeSent() is { } sent)
            {
                Assert.InRange(sent.Length, 14, frame.Length);
                bench.Bench.Work();
            }
        }

        Assert.Null(bench.Device.Fault);
    }

    [Fact]
    public void Segments_OfOneByte_AreCutInBoundedLooks()
    {
        using var bench = new NetworkBench();
        byte[] frame = new byte[60_000];
        KnownFrames.Tcp4.CopyTo(frame, 0);
        bench.Driver.Queues[1].Add(bench.Bench.Readable([.. NetworkBench.Header(1, 1, 0, 1, KnownFrames.Tcp4Start, KnownFrames.TcpOffset), .. frame]));
        int count = 0;
        bench.Bench.Work();
        while (bench.TakeSent() is not null)
        {
            count++;
            bench.Bench.Work();
        }

        Assert.Equal(60_000 - 66, count);
    }

    [Fact]
    public void Frames_BothWays_AllocateNothing()
    {
        using var bench = new NetworkBench(new() { QueueSize = 16 });
        byte[] frame = NetworkBench.Frame(1514);
        byte[] received = new byte[2000];
        VirtqueueDriver transmit = bench.Driver.Queues[1];
        DriverBuffer[] output = [bench.Bench.Readable(NetworkBench.Header(1, 1, 0, 10, KnownFrames.Tcp4Start, KnownFrames.TcpOffset)), bench.Bench.Readable(KnownFrames.Tcp4)];
        DriverBuffer input = bench.Bench.Writable(2000);
        Assert.InRange(Round(), 0, long.MaxValue);
        long least = long.MaxValue;
        for (int i = 0; i < 200; i++)
        {
            least = long.Min(least, Round());
        }

        Assert.Equal(0, least);

        long Round()
        {
            transmit.Add(output);
            bench.Driver.Queues[0].Add(input);
            long before = GC.GetAllocatedBytesForCurrentThread();
            bench.Peer.TrySend(frame);
            bench.Bench.Work();
            while (bench.Peer.TryReceive(received, out _, out _))
            {
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            transmit.TakeUsed();
            bench.Driver.Queues[0].TakeUsed();
            return allocated;
        }
    }

    private static DriverBuffer Buffer(NetworkBench bench, Random random)
    {
        uint length = random.Next(4) switch
        {
            0 => (uint)random.Next(1, 20),
            1 => (uint)random.Next(1, 200),
            2 => (uint)random.Next(1, 3000),
            _ => (uint)random.Next(1, 0x20000),
        };
        byte[] content = new byte[int.Min((int)length, 100)];
        random.NextBytes(content);
        if (random.Next(2) == 0)
        {
            content[0] = (byte)random.Next(6);
        }

        ulong address = 0x11_0000 + (ulong)random.Next(0x8_0000);
        bench.Bench.Memory.Write(address, content);
        return new DriverBuffer(address, length, random.Next(2) == 0);
    }

    private static byte[] RandomFrame(Random random, out FrameOffload offload)
    {
        byte[] frame = random.Next(3) switch
        {
            0 => [.. KnownFrames.Tcp4],
            1 => [.. KnownFrames.Tcp6],
            _ => new byte[random.Next(14, 4000)],
        };
        frame[random.Next(frame.Length)] = (byte)random.Next(256);
        offload = new FrameOffload
        {
            NeedsChecksum = random.Next(2) == 0,
            ChecksumStart = random.Next(2) == 0 ? KnownFrames.Tcp4Start : (ushort)random.Next(0x10000),
            ChecksumOffset = random.Next(2) == 0 ? KnownFrames.TcpOffset : (ushort)random.Next(0x10000),
            Segmentation = (FrameSegmentation)random.Next(3),
            SegmentSize = (ushort)random.Next(100),
        };
        return frame;
    }
}
