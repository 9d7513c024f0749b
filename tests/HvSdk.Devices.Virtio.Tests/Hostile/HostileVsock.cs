using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using HvSdk.Devices.Virtio.Tests.Vsock;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

internal sealed class HostileVsock : HostileSubject
{
    private const int MaxConnections = 12;

    private readonly VsockDevice _device = new(new VsockDeviceOptions { MaxConnections = MaxConnections, ReceiveBufferSize = 4096 });
    private readonly VsockListener[] _listeners;
    private readonly List<VsockConnection> _held = [];
    private readonly Task<VsockConnection>?[] _accepts = new Task<VsockConnection>?[2];

    public HostileVsock(Random random) => _listeners = [_device.Listen(0, backlog: random.Next(1, 8)), _device.Listen(1, backlog: 2)];

    public override VirtioDevice Device => _device;

    public override bool CarriesAll => false; // connections become resets

    public override int Compose(int queue, Random random, Span<byte> content, out int writable)
    {
        writable = 0;
        if (queue != 1)
        {
            writable = random.Next(4) == 0 ? random.Next(64) : random.Next(1024);
            return 0;
        }

        int length = random.Next(3) == 0 ? random.Next(300) : 0;
        VsockHeader header = VsockDriver.Packet((VsockOperation)random.Next(9), (uint)random.Next(5), (uint)random.Next(3));
        header.Length = random.Next(16) == 0 ? (uint)random.Next() : (uint)length;
        header.Flags = (uint)random.Next(4);
        header.BufferAllocation = random.Next(8) == 0 ? (uint)random.Next() : (uint)random.Next(1, 8192);
        header.ForwardCount = random.Next(8) == 0 ? (uint)random.Next() : (uint)random.Next(1024);
        MemoryMarshal.Write(content, header);
        content.Slice(VsockHeader.Size, length).Fill((byte)length);
        return VsockHeader.Size + length;
    }

    public override void Act(Random random)
    {
        for (int i = 0; i < _listeners.Length; i++)
        {
            _accepts[i] ??= _listeners[i].AcceptAsync().AsTask();
            if (random.Next(2) == 0 && _accepts[i] is { IsCompletedSuccessfully: true } accept)
            {
                _held.Add(accept.Result);
                _accepts[i] = null;
            }
        }

        if (_held.Count == 0)
        {
            return;
        }

        VsockConnection connection = _held[random.Next(_held.Count)];
        switch (random.Next(5))
        {
            case 0:
                _held.Remove(connection);
                connection.DisposeAsync().AsTask().Wait();
                break;
            case 1:
                connection.Output.Complete(random.Next(2) == 0 ? null : new IOException("The host gives up."));
                break;
            case 2:
                Read(connection, random);
                break;
            default:
                Write(connection, random);
                break;
        }
    }

    public override void Check() => Assert.InRange(_device.ConnectionCount, 0, MaxConnections);

    public override void Prove(AnyBench bench)
    {
        VsockHeader request = VsockDriver.Packet(VsockOperation.Request, 77, 99);
        bench.Driver.Queues[1].Add(new HvSdk.Testing.DriverBuffer(bench.Arena.Allocate(MemoryMarshal.AsBytes(new ReadOnlySpan<VsockHeader>(in request))), VsockHeader.Size, IsWritable: false));
        byte[] answer = bench.Ask(0, [], 64);
        Assert.Equal(VsockOperation.Reset, MemoryMarshal.Read<VsockHeader>(answer).Operation);
    }

    public override void Dispose()
    {
        foreach (VsockListener listener in _listeners)
        {
            listener.DisposeAsync().AsTask().Wait();
        }

        base.Dispose();
    }

    private static void Read(VsockConnection connection, Random random)
    {
        try
        {
            if (connection.Input.TryRead(out ReadResult result))
            {
                connection.Input.AdvanceTo(result.Buffer.GetPosition(random.NextInt64(result.Buffer.Length + 1)), result.Buffer.End);
            }
        }
        catch (VsockException)
        {
            // It broke, as it may.
        }
    }

    private static void Write(VsockConnection connection, Random random)
    {
        try
        {
            connection.Output.Write(new byte[random.Next(600)]);
            _ = connection.Output.FlushAsync().AsTask();
        }
        catch (Exception e) when (e is InvalidOperationException or VsockException)
        {
            // It was completed before, or broke.
        }
    }
}
