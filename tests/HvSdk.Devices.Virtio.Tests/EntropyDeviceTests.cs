using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests;

/// <summary>The entropy device (virtio 1.2, 5.4).</summary>
public sealed class EntropyDeviceTests
{
    [Fact]
    public void Request_WithRoom_IsFilledFromTheSource()
    {
        var device = new EntropyDevice(static span => span.Fill(0x5A));
        using var bench = new Bench(device);
        bench.Driver.Start(0);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        DriverBuffer first = bench.Writable(3);
        queue.Add(first, bench.Writable(13));

        bench.Work();

        Assert.Equal(16U, queue.TakeUsed().Written);
        Assert.Equal(0x5A5A5AU, bench.Memory.Read<uint>(first.Address) & 0xFFFFFF);
        Assert.Equal(16, device.BytesGiven);
    }

    [Fact]
    public void Request_OfTheHostsGenerator_DiffersEachTime()
    {
        using var bench = new VirtioBench(new VirtioMmio(new EntropyDevice()));
        bench.Driver.Start();

        Assert.NotEqual(bench.Driver.Queues[0].Exchange([], 32), bench.Driver.Queues[0].Exchange([], 32));
    }

    [Fact]
    public void Request_OfMoreThanIsGivenAtATime_GetsAPart()
    {
        using var bench = new Bench(new EntropyDevice());
        bench.Driver.Start(0);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        var large = new DriverBuffer(0x20_0000, 8 << 20, IsWritable: true);
        queue.Add(large, large, large);

        bench.Work();

        Assert.Equal(1U << 16, queue.TakeUsed().Written);
    }

    [Fact]
    public void Request_WithoutRoom_ComesBackEmpty()
    {
        using var bench = new Bench(new EntropyDevice());
        bench.Driver.Start(0);
        bench.Driver.Queues[0].Add(bench.Readable(1));

        bench.Work();

        Assert.Equal(0U, bench.Driver.Queues[0].TakeUsed().Written);
    }
}
