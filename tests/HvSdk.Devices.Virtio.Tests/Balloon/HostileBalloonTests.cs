using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Balloon;

/// <summary>A driver that sends anything on any queue, and gives away any memory: nothing throws, hangs or grows.</summary>
[Collection(nameof(Alone))]
public sealed class HostileBalloonTests
{
    private const long MemoryLimit = 8 << 20;

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Requests_AtRandom_BreakNothing(ulong features)
    {
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 100_000 : 1_000;
        var device = new BalloonDevice();
        using var driver = new BalloonDriver(device);
        Bench bench = driver.Bench;
        MemoryRegion rom = bench.Memory.Map(0x100_0000, 0x2000, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        rom.Write(0, ulong.MaxValue);
        var random = new Random(unchecked((int)features) + 5);
        ulong mark = bench.Arena.Mark;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int round = 0; round < rounds; round++)
        {
            bench.Arena.Clear(mark);
            bench.Driver.Start(features | ((uint)random.Next(64) & 0b11_0110));
            for (int i = random.Next(30); i > 0; i--)
            {
                Request(bench, random);
                HostStep(device, random);
                bench.Work();
            }
        }

        bench.Driver.Status = 0;
        Assert.Null(device.Fault);
        Assert.Equal(ulong.MaxValue, rom.Read<ulong>(0));
        long growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(growth < MemoryLimit, $"The device kept {growth} bytes more after {rounds} rounds.");
    }

    private static void Request(Bench bench, Random random)
    {
        VirtqueueDriver queue = bench.Driver.Queues[random.Next(bench.Driver.Queues.Count)];
        try
        {
            queue.TryTakeUsed(out _);
        }
        catch (InvalidOperationException)
        {
            return; // this driver has given its own rings away, and finds nonsense
        }

        if (random.Next(8) == 0)
        {
            bench.Driver.WriteConfiguration(4 * random.Next(4), (uint)random.Next(), 4);
        }

        // Numbers of pages, a few of which are the rings' own, the ROM's, or nobody's; cut anywhere.
        byte[] bytes = new byte[random.Next(1, 300)];
        for (int i = 0; i + 4 <= bytes.Length; i += 4)
        {
            uint page = random.Next(8) == 0 ? (uint)random.Next() : (uint)random.Next(random.Next(20) == 0 ? 0x100 : 0x400, 0x1010);
            BitConverter.TryWriteBytes(bytes.AsSpan(i), page);
        }

        DriverBuffer readable = bench.Readable(bytes);
        ulong start = random.Next(20) == 0 ? 0x10_0000UL : 0x40_0000;
        ulong address = start + (ulong)(random.Next(0xB00) << 12) + (random.Next(3) == 0 ? (ulong)random.Next(4096) : 0);
        var writable = new DriverBuffer(address, (uint)random.Next(1, 1 << 16), IsWritable: true);
        if (random.Next(4) == 0)
        {
            writable = writable with { Length = writable.Length & ~4095U };
        }

        queue.AddAnyShape(random, readable, writable);
    }

    private static void HostStep(BalloonDevice device, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                device.TargetSize = random.NextInt64(1 << 20) * 4096;
                break;
            case 1 when device.IsActive && device.Fault is null && (device.NegotiatedFeatures & BalloonDriver.Statistics) != 0:
                _ = device.RefreshStatisticsAsync();
                break;
            case 2:
                _ = device.WaitForTargetAsync();
                break;
            default:
                break;
        }
    }
}
