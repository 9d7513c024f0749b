using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

/// <summary>A balloon whose guest names any pages, those of its queues too: an array in a page that is in the balloon reads as zeroes, and 0 is the first page of all.</summary>
internal sealed class HostileBalloon : HostileSubject
{
    private const int PageSize = 4096;
    private const long MaxTarget = 64L << 20;
    private const int StatisticsQueue = 2;
    private const int StatisticLength = 10;
    private const uint FirstPage = (uint)(AnyBench.BuffersStart / PageSize);
    private const uint EndPage = (uint)(AnyBench.MemorySize / PageSize);

    private readonly BalloonDevice _device;

    public HostileBalloon(Random random) => _device = new BalloonDevice(new BalloonDeviceOptions
    {
        TargetSize = random.Next(16) * PageSize,
        HasStatistics = random.Next(4) != 0,
        ReportsFreePages = random.Next(4) != 0,
    });

    public override VirtioDevice Device => _device;

    public override bool KeepsRings => false;

    public override bool TakesLargeRequests => false;

    public override int Compose(int queue, Random random, Span<byte> content, out int writable)
    {
        writable = 0;
        if (queue == StatisticsQueue)
        {
            int entries = random.Next(80);
            for (int i = 0; i < entries; i++)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(content[(i * StatisticLength)..], (ushort)random.Next(random.Next(8) == 0 ? 1 << 16 : 12));
                BinaryPrimitives.WriteInt64LittleEndian(content[((i * StatisticLength) + 2)..], random.NextInt64(long.MinValue, long.MaxValue));
            }

            return entries * StatisticLength;
        }

        if (queue > StatisticsQueue)
        {
            writable = random.Next(8) * PageSize; // free pages come as buffers to write to
            return 0;
        }

        int pages = random.Next(60);
        for (int i = 0; i < pages; i++)
        {
            uint page = random.Next(16) == 0 ? EndPage + (uint)random.Next() : (uint)random.Next((int)FirstPage, (int)EndPage);
            BinaryPrimitives.WriteUInt32LittleEndian(content[(i * sizeof(uint))..], page);
        }

        return pages * sizeof(uint);
    }

    public override void Act(Random random)
    {
        _device.TargetSize = random.NextInt64(MaxTarget / PageSize) * PageSize;
        try
        {
            _ = _device.RefreshStatisticsAsync();
        }
        catch (InvalidOperationException)
        {
            // No driver is there that tells statistics.
        }
    }

    public override void Check()
    {
        Assert.InRange(_device.TargetSize, 0, MaxTarget);
        Assert.InRange(_device.Counters.ReturnedBytes, 0, _device.Counters.InflatedBytes + _device.Counters.ReportedBytes);
    }

    public override void Prove(AnyBench bench)
    {
        bench.Memory.Write(FirstPage * PageSize, 0x5A5A_5A5AUL);
        byte[] number = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(number, FirstPage);
        bench.Ask(0, number, 0);
        Assert.Equal(0UL, bench.Memory.Read<ulong>(FirstPage * PageSize));
    }
}
