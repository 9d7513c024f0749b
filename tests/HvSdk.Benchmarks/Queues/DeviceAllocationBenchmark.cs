using System.Buffers.Binary;
using System.Globalization;
using HvSdk.Devices.Virtio;
using HvSdk.Testing;

namespace HvSdk.Benchmarks.Queues;

/// <summary>Bytes that devices allocate for each request once they are warm.</summary>
internal sealed class DeviceAllocationBenchmark(bool quick)
{
    private const int Length = 4096;
    private const int FrameLength = 1514;
    private const int Batch = 16;
    private const int NetworkHeaderLength = 12;
    private const int Pages = 256;

    private readonly int _rounds = quick ? 500 : 20_000;

    internal IEnumerable<Result> Run()
    {
        yield return Block();
        yield return Network();
    }

    private Result Block()
    {
        string path = Path.GetTempFileName();
        File.Delete(path);
        try
        {
            using FileStorage file = FileStorage.Create(path, Pages * Length);
            long bytes = Block(file) + Block(new MemoryStorage(Pages * Length));
            return Report("block-bytes-per-request", bytes, 2 * 2 * Batch, "reads and writes of 4 KiB, in a file and in memory");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private long Block(IBlockStorage storage)
    {
        using var bench = new QueueBench(new BlockDevice(storage));
        DriverBuffer[][] requests = new DriverBuffer[2 * Batch][];
        byte[] header = new byte[16]; // type, reserved, sector: VIRTIO_BLK_T_IN is 0, OUT 1
        for (int i = 0; i < requests.Length; i++)
        {
            header[0] = (byte)(i % 2);
            BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), (ulong)(i * 37 % Pages * (Length / 512)));
            DriverBuffer data = i % 2 == 0 ? bench.Writable(Length) : bench.Readable(new byte[Length]);
            requests[i] = [bench.Readable(header), data, bench.Writable(1)];
        }

        return Repeat(() =>
        {
            foreach (DriverBuffer[] request in requests)
            {
                bench.Queues[0].Add(request);
            }

            return Take(bench);
        });
    }

    private Result Network()
    {
        var network = new EchoingNetwork();
        using var bench = new QueueBench(new NetworkDevice(network));
        byte[] frame = new byte[FrameLength];
        frame.AsSpan(0, 6).Fill(0xFF); // to all, so that the device's filter lets the answer through
        DriverBuffer sent = bench.Readable([.. new byte[NetworkHeaderLength], .. frame]);
        DriverBuffer received = bench.Writable(NetworkHeaderLength + FrameLength);
        long bytes = Repeat(() =>
        {
            for (int i = 0; i < Batch; i++)
            {
                bench.Queues[0].Add(received);
                bench.Queues[1].Add(sent);
            }

            return Take(bench);
        });
        return Report("net-bytes-per-request", bytes, 2 * Batch, string.Create(CultureInfo.InvariantCulture, $"frames of {FrameLength} bytes, sent and received; {network.Frames} in all"));
    }

    private static Cost Take(QueueBench bench)
    {
        Cost cost = bench.Work();
        foreach (VirtqueueDriver queue in bench.Queues)
        {
            while (queue.TryTakeUsed(out _))
            {
            }
        }

        bench.AcknowledgeInterrupt();
        return cost;
    }

    private long Repeat(Func<Cost> round)
    {
        for (int i = 0; i < 200; i++)
        {
            round();
        }

        Cost cost = default;
        for (int i = 0; i < _rounds; i++)
        {
            cost += round();
        }

        return cost.Bytes;
    }

    private Result Report(string name, long bytes, int requestsPerRound, string what)
    {
        long requests = (long)_rounds * requestsPerRound;
        return new Result(name, (double)bytes / requests, "bytes", Relation.Exactly, 0, string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes over {requests} requests: {what}"));
    }

    /// <summary>Gives each frame back.</summary>
    private sealed class EchoingNetwork : INetworkBackend
    {
        private INetworkPort? _port;

        internal long Frames { get; private set; }

        public NetworkOffloads Takes => NetworkOffloads.None;

        public NetworkOffloads Gives => NetworkOffloads.None;

        public void Attach(INetworkPort port)
        {
            _port = port;
            port.SetLink(true);
        }

        public bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload)
        {
            Frames++;
            return _port!.TryDeliver(frame, default);
        }

        public void OnRoom()
        {
        }
    }
}
