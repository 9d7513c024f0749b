using System.Buffers;
using System.IO.Pipelines;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Console;

/// <summary>A driver that sends anything on any queue: nothing throws, hangs or grows.</summary>
[Collection(nameof(Alone))]
public sealed class HostileConsoleTests
{
    private const long MemoryLimit = 8 << 20;

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Requests_AtRandom_BreakNothing(ulong features)
    {
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 100_000 : 1_000;
        var console = new ConsoleDevice(new ConsoleDeviceOptions
        {
            Ports = [new() { IsConsole = true, BufferSize = 256 }, new() { Name = "a", BufferSize = 4096, WaitsForReader = true }, new() { IsConsole = true }],
            MaxPorts = 5,
        });
        using var bench = new Bench(console);
        var random = new Random(unchecked((int)features) + 11);
        ulong mark = bench.Arena.Mark;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int round = 0; round < rounds; round++)
        {
            bench.Arena.Clear(mark);
            bench.Driver.Start(features | (uint)random.Next(8));
            for (int i = random.Next(40); i > 0; i--)
            {
                Request(bench, random);
                HostStep(console, random);
                bench.Work();
            }
        }

        bench.Driver.Status = 0;
        Assert.False(bench.Driver.NeedsReset);
        Assert.Null(console.Fault);
        long growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(growth < MemoryLimit, $"The device kept {growth} bytes more after {rounds} rounds.");
    }

    private static void Request(Bench bench, Random random)
    {
        VirtqueueDriver queue = bench.Driver.Queues[random.Next(3) == 0 ? random.Next(2, 4) : random.Next(bench.Driver.Queues.Count)];
        if (queue.TryTakeUsed(out _) && random.Next(2) == 0)
        {
            return;
        }

        // A message that may mean something, cut anywhere, and more or less room.
        byte[] bytes = new byte[random.Next(4) == 0 ? random.Next(1, 3000) : random.Next(1, 14)];
        random.NextBytes(bytes);
        if (random.Next(4) != 0)
        {
            bytes[0] = (byte)random.Next(6);
            bytes.AsSpan(1, int.Min(3, bytes.Length - 1)).Clear();
            if (bytes.Length > 6)
            {
                bytes[4] = (byte)random.Next(9);
                bytes[5] = 0;
                bytes[6] = (byte)random.Next(2);
            }
        }

        DriverBuffer readable = bench.Readable(bytes);
        DriverBuffer writable = bench.Writable((uint)random.Next(1, 20));
        queue.AddAnyShape(random, readable, writable);
    }

    private static void HostStep(ConsoleDevice console, Random random)
    {
        ConsolePort port = console.Ports[random.Next(console.Ports.Count)];
        switch (random.Next(12))
        {
            case 0 when port.Name is null && port.Number > 2:
                console.RemovePort(port);
                break;
            case 1 when console.Ports.Count < 5:
                console.AddPort(new ConsolePortOptions { BufferSize = 1024 });
                break;
            case 2:
                port.IsOpen = !port.IsOpen;
                break;
            case 3 when port.IsConsole:
                port.Resize(random.Next(300), random.Next(300));
                break;
            case 4 or 5:
                if (port.Pipe.Input.TryRead(out ReadResult result))
                {
                    port.Pipe.Input.AdvanceTo(result.Buffer.GetPosition(random.NextInt64(result.Buffer.Length + 1)));
                }

                break;
            case 6 when port.Pipe.Output.UnflushedBytes < 1 << 12:
                port.Pipe.Output.Write(new byte[random.Next(200)]);
                break;
            default:
                break;
        }
    }
}
