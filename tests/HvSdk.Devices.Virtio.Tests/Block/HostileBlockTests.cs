using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>Requests at random: each comes back with a status, or empty where there is no room for one; the disk holds what a model of it holds.</summary>
public sealed class HostileBlockTests
{
    private const int Capacity = 1 << 18;

    private static readonly ulong[] s_sectors = [0, 1, 2, (Capacity / 512) - 1, Capacity / 512, (Capacity / 512) + 1, uint.MaxValue, 1UL << 54, (1UL << 55) - 1, ulong.MaxValue / 512, ulong.MaxValue - 1, ulong.MaxValue];

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Requests_AtRandom_AllComeBack(ulong features)
    {
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 1_000_000 : 5_000;
        var random = new Random(unchecked((int)features) + 11);
        var storage = new MemoryStorage(Capacity);
        using var bench = new BlockBench(storage, new BlockDeviceOptions { QueueCount = 2, QueueSize = 64 });
        bench.Start(features | (random.Next(2) == 0 ? BlockBench.FeatureFlush : 0) | (1 << 12) | (1 << 13) | (1 << 14));
        for (int round = 0; round < rounds; round++)
        {
            bench.ClearArena();
            int queue = random.Next(2);
            int count = random.Next(1, 4);
            for (int i = 0; i < count; i++)
            {
                DriverBuffer[] buffers = Chain(bench, random);
                if (buffers.Length <= 8 && random.Next(2) == 0)
                {
                    bench.Bench.Driver.Queues[queue].Add(buffers);
                }
                else
                {
                    bench.Bench.Driver.Queues[queue].AddIndirect(buffers);
                }
            }

            for (int i = 0; i < count; i++)
            {
                bench.WorkUntilUsed(queue);
            }

            Assert.False(bench.Bench.Driver.NeedsReset);
        }

        Assert.InRange(storage.AllocatedLength, 0, Capacity);
        Assert.Equal(Capacity, storage.Length);
        Assert.True(bench.Device.Statistics is { Reads: > 0, Writes: > 0, Discards: > 0, Errors: > 0, Unsupported: > 0 });
    }

    [Fact]
    public void Disk_AfterRandomRequests_HoldsWhatAModelHolds()
    {
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 200_000 : 5_000;
        var random = new Random(5);
        byte[] model = BlockBench.Pattern(Capacity);
        using var bench = new BlockBench(new MemoryStorage(model));
        for (int round = 0; round < rounds; round++)
        {
            int sector = random.Next(Capacity / 512);
            int length = random.Next(1, 1 + int.Min(64, (Capacity / 512) - sector)) * 512;
            switch (random.Next(3))
            {
                case 0:
                    byte[] data = BlockBench.Pattern(length, round);
                    Assert.Equal(BlockBench.Ok, bench.Write((ulong)sector, data));
                    data.CopyTo(model, sector * 512);
                    break;
                case 1:
                    Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.WriteZeroes, 0, BlockBench.Range((ulong)sector, (uint)length / 512, (uint)random.Next(2))));
                    model.AsSpan(sector * 512, length).Clear();
                    break;
                default:
                    Assert.True(bench.Read((ulong)sector, length).Data.AsSpan().SequenceEqual(model.AsSpan(sector * 512, length)), $"round {round}");
                    break;
            }
        }
    }

    /// <summary>A request's parts, in which anything may be wrong: type, sector, lengths, ranges, missing and split parts.</summary>
    private static DriverBuffer[] Chain(BlockBench bench, Random random)
    {
        uint[] types = [BlockBench.In, BlockBench.Out, BlockBench.Flush, BlockBench.GetId, BlockBench.Discard, BlockBench.WriteZeroes, (uint)random.Next(20), (uint)random.Next()];
        uint type = types[random.Next(types.Length)];
        List<byte> readable = [.. BlockBench.Header(type, random.Next(3) == 0 ? s_sectors[random.Next(s_sectors.Length)] : (ulong)random.Next((Capacity / 512) + 8))];
        if (type is BlockBench.Discard or BlockBench.WriteZeroes)
        {
            for (int i = random.Next(4); i > 0; i--)
            {
                uint sectors = random.Next(8) == 0 ? (uint)random.Next() : (uint)random.Next(32);
                readable.AddRange(BlockBench.Range(random.Next(8) == 0 ? s_sectors[random.Next(s_sectors.Length)] : (ulong)random.Next(Capacity / 512), sectors, random.Next(8) == 0 ? (uint)random.Next(4) : 0));
            }
        }

        readable.AddRange(new byte[type == BlockBench.Out ? random.Next(5) * 512 : 0]);
        int cut = random.Next(8) == 0 ? random.Next(readable.Count + 1) : readable.Count;
        byte[] bytes = [.. readable[..cut], .. new byte[random.Next(16) == 0 ? random.Next(600) : 0]];
        int room = (type == BlockBench.In ? random.Next(5) * 512 : 0) + (random.Next(8) == 0 ? random.Next(600) : 1);
        List<DriverBuffer> buffers = [.. Split(bytes.Length, random).Select(part => bench.Bench.Readable(bytes[part])), .. Split(room, random).Select(part => bench.Bench.Writable((uint)(part.End.Value - part.Start.Value)))];
        return buffers.Count == 0 ? [bench.Bench.Writable(0)] : [.. buffers];
    }

    private static IEnumerable<Range> Split(int length, Random random)
    {
        for (int start = 0; start < length;)
        {
            int end = random.Next(3) == 0 ? random.Next(start, length + 1) : length;
            yield return start..end;
            start = end;
        }
    }
}
