using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

internal sealed class HostileConsole : HostileSubject
{
    private const int MaxPorts = 4;

    private readonly ConsoleDevice _device = new(new ConsoleDeviceOptions
    {
        Ports = [new() { IsConsole = true, BufferSize = 256 }, new() { Name = "a", BufferSize = 4096, WaitsForReader = true }, new() { IsConsole = true }],
        MaxPorts = MaxPorts,
    });

    public override VirtioDevice Device => _device;

    public override void Open(AnyBench bench, Random random)
    {
        if (random.Next(4) != 0)
        {
            bench.Driver.Queues[3].Add(new HvSdk.Testing.DriverBuffer(bench.Arena.Allocate([0, 0, 0, 0, 0, 0, 1, 0]), 8, IsWritable: false)); // VIRTIO_CONSOLE_DEVICE_READY
            bench.Work();
            bench.Driver.Queues[3].TryTakeUsed(out _);
        }
    }

    public override int Compose(int queue, Random random, Span<byte> content, out int writable)
    {
        writable = queue % 2 == 0 ? random.Next(1, 200) : 0;
        if (queue == 3)
        {
            content[..8].Clear();
            content[0] = (byte)random.Next(MaxPorts + 2);
            content[4] = (byte)random.Next(9);
            content[6] = (byte)random.Next(2);
            return 8;
        }

        int length = queue % 2 == 0 ? 0 : random.Next(8) == 0 ? random.Next(3000) : random.Next(32);
        content[..length].Fill((byte)'x');
        return length;
    }

    public override void Act(Random random)
    {
        ConsolePort port = _device.Ports[random.Next(_device.Ports.Count)];
        switch (random.Next(10))
        {
            case 0 when port.Name is null && port.Number > 2:
                _device.RemovePort(port);
                break;
            case 1 when _device.Ports.Count < MaxPorts:
                _device.AddPort(new ConsolePortOptions { BufferSize = 1024 });
                break;
            case 2:
                port.IsOpen = !port.IsOpen;
                break;
            case 3 when port.IsConsole:
                port.Resize(random.Next(300), random.Next(300));
                break;
            case < 7:
                if (port.Pipe.Input.TryRead(out ReadResult result))
                {
                    port.Pipe.Input.AdvanceTo(result.Buffer.GetPosition(random.NextInt64(result.Buffer.Length + 1)));
                }

                break;
            default:
                if (port.Pipe.Output.UnflushedBytes < 1 << 12)
                {
                    port.Pipe.Output.Write(new byte[random.Next(200)]);
                }

                break;
        }
    }

    public override void Prove(AnyBench bench)
    {
        bench.Driver.Queues[2].Add(new HvSdk.Testing.DriverBuffer(bench.Arena.Allocate(64), 64, IsWritable: true));
        byte[] ready = [0, 0, 0, 0, 0, 0, 1, 0];
        bench.Ask(3, ready, 0);
        bench.Work();
        Assert.True(bench.Driver.Queues[2].TryTakeUsed(out HvSdk.Testing.UsedBuffer used));
        Assert.Equal(8U, used.Written);
        Assert.Equal(MaxPorts, BinaryPrimitives.ReadInt32LittleEndian(BitConverter.GetBytes((uint)bench.Driver.ReadConfiguration(4, 4))));
    }
}
