using System.Buffers.Binary;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Net;

/// <summary>A network device between a driver and user code, whose worker is the test.</summary>
internal sealed class NetworkBench : IDisposable
{
    public const int HeaderLength = 12;
    public const ulong MergeableBuffers = 1UL << 15;
    public const ulong MultiQueue = 1UL << 22;

    private readonly Dictionary<(int, ushort), DriverBuffer> _offered = [];
    private readonly Bench _bench;

    /// <param name="options">Of the device.</param>
    /// <param name="takes">What the other side takes.</param>
    /// <param name="features">What the driver takes; null: all but packed and in-order queues.</param>
    /// <param name="starts">Whether the driver starts at once.</param>
    public NetworkBench(NetworkDeviceOptions? options = null, NetworkOffloads takes = NetworkOffloads.None, ulong? features = null, bool starts = true)
    {
        Device = new NetworkDevice(Cable.First, options);
        Peer = new NetworkPeer(Cable.Second, takes, 256 << 10);
        _bench = new Bench(Device);
        if (starts)
        {
            Driver.Start(features);
        }
    }

    public NetworkPair Cable { get; } = new();

    public NetworkDevice Device { get; }

    public NetworkPeer Peer { get; }

    public VirtioMmioDriver Driver => _bench.Driver;

    public Bench Bench => _bench;

    public VirtqueueDriver Control => Driver.Queues[^1];

    /// <summary>The driver sends a frame.</summary>
    public void Send(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> header = default, int pair = 0)
    {
        ulong mark = _bench.Arena.Mark;
        VirtqueueDriver queue = Driver.Queues[(pair * 2) + 1];
        queue.Add(_bench.Readable(header.IsEmpty ? new byte[HeaderLength] : header), _bench.Readable(frame));
        _bench.Work();
        while (queue.TryTakeUsed(out _))
        {
        }

        _bench.Arena.Clear(mark);
    }

    /// <summary>A header for a frame that something is left to do on.</summary>
    public static byte[] Header(byte flags = 0, byte type = 0, ushort headerLength = 0, ushort segmentSize = 0, ushort start = 0, ushort offset = 0)
    {
        byte[] header = new byte[HeaderLength];
        header[0] = flags;
        header[1] = type;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(2), headerLength);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), segmentSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(6), start);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), offset);
        return header;
    }

    /// <summary>Gives the device buffers to receive into.</summary>
    public void Offer(uint length, int count = 1, int pair = 0)
    {
        for (int i = 0; i < count; i++)
        {
            DriverBuffer buffer = _bench.Writable(length);
            _offered[(pair, Driver.Queues[pair * 2].Add(buffer))] = buffer;
        }
    }

    /// <summary>What the driver has received: header and frame; null: nothing.</summary>
    public byte[]? TakeReceived(int pair = 0)
    {
        _bench.Work();
        byte[]? first = TakeBuffer(pair);
        if (first is null || first.Length < HeaderLength)
        {
            return first;
        }

        List<byte> all = [.. first];
        for (int left = BinaryPrimitives.ReadUInt16LittleEndian(first.AsSpan(10)) - 1; left > 0; left--)
        {
            all.AddRange(TakeBuffer(pair)!);
        }

        return [.. all];
    }

    /// <summary>What the other side has received; null: nothing.</summary>
    public byte[]? TakeSent() => TakeSent(out _);

    public byte[]? TakeSent(out FrameOffload offload)
    {
        byte[] buffer = new byte[NetworkDevice.MaxFrameLength];
        return Peer.TryReceive(buffer, out int length, out offload) ? buffer[..length] : null;
    }

    /// <summary>A control command; returns the acknowledgement.</summary>
    public byte Command(byte kind, byte command, params ReadOnlySpan<byte> data)
    {
        ulong mark = _bench.Arena.Mark;
        DriverBuffer ack = _bench.Writable(1);
        _bench.Memory.Write(ack.Address, (byte)0xEE);
        Control.Add(_bench.Readable(kind, command), _bench.Readable(data), ack);
        _bench.Work();
        Assert.Equal(1U, Control.TakeUsed().Written);
        _bench.Arena.Clear(mark);
        return _bench.Memory.Read<byte>(ack.Address);
    }

    public static byte[] Frame(int length, byte seed = 1)
    {
        byte[] frame = new byte[length];
        for (int i = 0; i < length; i++)
        {
            frame[i] = (byte)(seed + (i * 7));
        }

        frame[0] = 0x52;
        frame[12] = 0x88;
        frame[13] = 0xB5;
        return frame;
    }

    public void Dispose()
    {
        _bench.Dispose();
        Peer.Dispose();
    }

    private byte[]? TakeBuffer(int pair)
    {
        if (!Driver.Queues[pair * 2].TryTakeUsed(out UsedBuffer used))
        {
            return null;
        }

        Assert.True(_offered.Remove((pair, used.Id), out DriverBuffer buffer));
        byte[] bytes = new byte[used.Written];
        _bench.Memory.Read(buffer.Address, bytes);
        return bytes;
    }
}
