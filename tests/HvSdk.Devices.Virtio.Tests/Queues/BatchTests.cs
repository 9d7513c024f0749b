using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Queues;

/// <summary>Chains that the driver sees all at once, as it must those of one frame (virtio 1.2, 5.1.6.4.1).</summary>
public sealed class BatchTests
{
    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Batch_UntilItsEnd_ShowsTheDriverNothing(ulong features)
    {
        const int chains = 3;
        var device = new BatchDevice();
        using var bench = new Bench(device);
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        device.OnReturned = () => Assert.False(queue.TryTakeUsed(out _));
        for (int round = 0; round < 20; round++)
        {
            ushort[] ids = [.. Enumerable.Range(0, chains).Select(_ => queue.Add(bench.Writable(8)))];
            bench.Work();
            Assert.Equal(ids, ids.Select(_ => queue.TakeUsed().Id));
            Assert.False(queue.TryTakeUsed(out _));
        }

        Assert.Equal(20 * chains, device.Returned);
        Assert.Null(device.Fault);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Batch_OfNothing_ChangesNothing(ulong features)
    {
        var device = new BatchDevice();
        using var bench = new Bench(device);
        bench.Driver.Start(features);
        bench.Work();
        Assert.False(bench.Driver.Queues[0].TryTakeUsed(out _));
        Assert.Null(device.Fault);
    }

    /// <summary>Gives back all that there is in one batch, and calls after each chain.</summary>
    private sealed class BatchDevice : VirtioDevice
    {
        public override uint DeviceId => 0x3F;

        public override IReadOnlyList<int> QueueSizes => [8];

        public Action? OnReturned { get; set; }

        public int Returned { get; private set; }

        protected internal override void Process(Virtqueue queue)
        {
            queue.BeginBatch();
            while (queue.TryTake(out DescriptorChain? chain))
            {
                queue.Complete(chain, 0);
                Returned++;
                OnReturned?.Invoke();
            }

            queue.EndBatch();
        }
    }
}
