using System.Buffers.Binary;
using System.Text;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Console;

/// <summary>A driver of the console device, as far as virtio 1.2, 5.3 has it. The test is the device's worker.</summary>
internal sealed class ConsoleDriver : IDisposable
{
    public const ulong Size = 1;
    public const ulong Multiport = 2;
    public const ulong EmergencyWrite = 4;

    private const uint BufferSize = 256;
    private readonly Dictionary<(int Queue, ushort Id), ulong> _offered = [];

    public ConsoleDriver(ConsoleDevice device, ulong? features = null)
    {
        Bench = new Bench(device);
        if (features is { } wanted)
        {
            Start(wanted);
        }
    }

    public Bench Bench { get; }

    /// <summary>Control messages of the device, in the order in which they came.</summary>
    public List<string> Messages { get; } = [];

    public void Start(ulong features)
    {
        _offered.Clear();
        Bench.Driver.Start(features);
        Bench.Work();
    }

    /// <summary>Starts, and goes through the ports' hello: all ports are there and none is open in the guest.</summary>
    public void StartPorts(int ports)
    {
        Start(Size | Multiport);
        OfferMessages(8 * ports);
        Tell(0, 0, 1);
        for (int i = 0; i < ports; i++)
        {
            Tell((uint)i, 3, 1);
        }

        Messages.Clear();
    }

    public static int ReceiveQueue(int port) => port == 0 ? 0 : (2 * port) + 2;

    /// <summary>The driver sends a control message, and takes those that it gets.</summary>
    public void Tell(uint port, ushort @event, ushort value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, port);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), @event);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), value);
        TellRaw(bytes);
    }

    public void TellRaw(byte[] bytes)
    {
        Bench.Driver.Queues[3].Add(Bench.Readable(bytes));
        Bench.Work();
        Assert.True(Bench.Driver.Queues[3].TryTakeUsed(out _));
        TakeMessages();
    }

    public void OfferMessages(int count, uint size = BufferSize) => Offer(2, count, size);

    public void TakeMessages()
    {
        while (TryTake(2, out byte[] bytes))
        {
            Messages.Add(Describe(bytes));
        }
    }

    public void OfferRoom(int port, int count, uint size = BufferSize) => Offer(ReceiveQueue(port), count, size);

    /// <summary>What the guest got since it asked last.</summary>
    public byte[] Take(int port)
    {
        Bench.Work();
        List<byte> all = [];
        while (TryTake(ReceiveQueue(port), out byte[] bytes))
        {
            all.AddRange(bytes);
        }

        return [.. all];
    }

    /// <summary>The guest writes.</summary>
    /// <returns>True: the device has taken it all.</returns>
    public bool Write(int port, params ReadOnlySpan<byte> bytes)
    {
        VirtqueueDriver queue = Bench.Driver.Queues[ReceiveQueue(port) + 1];
        queue.Add(Bench.Readable(bytes));
        Bench.Work();
        return queue.TryTakeUsed(out _);
    }

    public void Dispose() => Bench.Dispose();

    private void Offer(int queue, int count, uint size)
    {
        for (int i = 0; i < count; i++)
        {
            DriverBuffer buffer = Bench.Writable(size);
            _offered[(queue, Bench.Driver.Queues[queue].Add(buffer))] = buffer.Address;
        }

        Bench.Work();
    }

    private bool TryTake(int queue, out byte[] bytes)
    {
        bytes = [];
        if (!Bench.Driver.Queues[queue].TryTakeUsed(out UsedBuffer used))
        {
            return false;
        }

        bytes = new byte[used.Written];
        Bench.Memory.Read(_offered[(queue, used.Id)], bytes);
        return true;
    }

    private static string Describe(byte[] bytes)
    {
        if (bytes.Length < 8)
        {
            return $"{bytes.Length} bytes";
        }

        uint port = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        ushort @event = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(4));
        ushort value = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(6));
        return @event switch
        {
            1 => $"{port} add",
            2 => $"{port} remove",
            4 => $"{port} console {value}",
            5 => $"{port} resize {BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8))} {BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(10))}",
            6 => $"{port} open {value}",
            7 => $"{port} name {Encoding.ASCII.GetString(bytes.AsSpan(8))}",
            _ => $"{port} event {@event}",
        };
    }
}
