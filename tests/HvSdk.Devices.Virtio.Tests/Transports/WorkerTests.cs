using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Transports;

/// <summary>The worker's thread, with a driver on another.</summary>
public sealed class WorkerTests
{
    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Requests_ByDoorbell_AreAllAnswered(ulong features)
    {
        using var bench = new VirtioBench(new VirtioMmio(new EchoDevice()));
        bench.Driver.Start(features);
        for (int i = 0; i < 2000; i++)
        {
            Assert.Equal([(byte)i, 2, 3], bench.Driver.Queues[0].Exchange([(byte)i, 2, 3], 8));
        }
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Requests_NotifiedOnlyWhereWanted_AreAllAnswered(ulong features)
    {
        using var bench = new VirtioBench(new VirtioMmio(new EchoDevice()));
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        var buffer = new DriverBuffer(bench.Arena.Allocate(16), 16, IsWritable: true);
        int inFlight = 0;
        for (int added = 0, taken = 0; taken < 50_000;)
        {
            while (inFlight < queue.Size && added < 50_000)
            {
                queue.Add(buffer);
                added++;
                inFlight++;
                if (queue.WantsNotification)
                {
                    queue.Notify();
                }
            }

            queue.TakeUsed();
            taken++;
            inFlight--;
        }
    }

    [Fact]
    public void Resets_UnderLoad_LeaveAWorkingDevice()
    {
        using var bench = new VirtioBench(new VirtioMmio(new EntropyDevice()));
        ulong mark = bench.Arena.Mark;
        for (int i = 0; i < 300; i++)
        {
            bench.Arena.Clear(mark);
            bench.Driver.Start(0);
            for (int n = 0; n < 20; n++)
            {
                bench.Driver.Queues[0].Add(new DriverBuffer(bench.Arena.Allocate(1 << 12), 1 << 12, IsWritable: true));
            }

            bench.Driver.Queues[0].Notify();
        }

        bench.Arena.Clear(mark);
        bench.Driver.Start(0);
        Assert.Equal(32, bench.Driver.Queues[0].Exchange([], 32).Length);
    }
}
