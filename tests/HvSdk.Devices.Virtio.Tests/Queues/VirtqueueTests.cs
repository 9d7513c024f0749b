using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Queues;

/// <summary>What a queue does with drivers that keep to the rules.</summary>
public sealed class VirtqueueTests
{
    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Chain_OfSeveralBuffers_IsReadAndWrittenAsOne(ulong features)
    {
        using var bench = new Bench(new EchoDevice());
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        DriverBuffer first = bench.Writable(3);
        DriverBuffer second = bench.Writable(5);

        ushort id = queue.Add(bench.Readable(1, 2, 3), bench.Readable(), bench.Readable(4, 5, 6, 7), first, second);
        bench.Work();

        Assert.True(queue.TryTakeUsed(out UsedBuffer used));
        Assert.Equal(new UsedBuffer(id, 7), used);
        Assert.Equal([1, 2, 3], Bytes(bench, first, 3));
        Assert.Equal([4, 5, 6, 7], Bytes(bench, second, 4));
        Assert.False(queue.TryTakeUsed(out _));
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Chain_Indirect_IsReadAndWrittenAsOne(ulong features)
    {
        using var bench = new Bench(new EchoDevice());
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        DriverBuffer answer = bench.Writable(8);

        ushort id = queue.AddIndirect(bench.Readable(1, 2, 3), bench.Readable(4), answer);
        bench.Work();

        Assert.True(queue.TryTakeUsed(out UsedBuffer used));
        Assert.Equal(new UsedBuffer(id, 4), used);
        Assert.Equal([1, 2, 3, 4], Bytes(bench, answer, 4));
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Chains_OverManyWraps_AllComeBack(ulong features)
    {
        using var bench = new Bench(new EchoDevice(8));
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        var random = new Random(1);
        ulong mark = bench.Arena.Mark;
        HashSet<ushort> inFlight = [];
        for (int i = 0; i < 200_000; i += inFlight.Count)
        {
            bench.Arena.Clear(mark);
            inFlight.Clear();
            for (int free = queue.Size, parts = random.Next(1, 4); free >= parts; free -= parts, parts = random.Next(1, 4))
            {
                Span<DriverBuffer> buffers = [bench.Readable((byte)i), bench.Writable(1), bench.Writable(1)];
                Assert.True(inFlight.Add(queue.Add(buffers[..parts])));
            }

            bench.Work();

            foreach (ushort _ in inFlight)
            {
                Assert.True(queue.TryTakeUsed(out UsedBuffer used));
                Assert.Contains(used.Id, inFlight);
            }

            Assert.False(queue.TryTakeUsed(out _));
        }

        Assert.False(bench.Driver.NeedsReset);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(VirtioDriverFeatures.InOrder, true)]
    [InlineData(VirtioDriverFeatures.PackedRing, false)]
    [InlineData(VirtioDriverFeatures.PackedRing | VirtioDriverFeatures.InOrder, true)]
    public void Complete_OutOfOrder_IsInOrderWhereTheDriverWantsIt(ulong features, bool isInOrder)
    {
        var device = new EchoDevice { Keeps = true };
        using var bench = new Bench(device);
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        ushort[] ids = [queue.Add(bench.Writable(1)), queue.Add(bench.Writable(1)), queue.Add(bench.Writable(1))];
        bench.Work();
        Assert.Equal(3, device.Kept);
        Assert.False(queue.TryTakeUsed(out _));

        device.ReleaseInReverse();
        bench.Work();

        List<ushort> given = [];
        while (queue.TryTakeUsed(out UsedBuffer used))
        {
            given.Add(used.Id);
        }

        Assert.Equal(isInOrder ? ids : [.. ids.Reverse()], given);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Interrupt_ForManyBuffersOfOneLook_IsOne(ulong features)
    {
        using var bench = new Bench(new EchoDevice());
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        for (int i = 0; i < 5; i++)
        {
            queue.Add(bench.Writable(1));
        }

        bench.Work();

        Assert.Equal(1, bench.Slot.Line(16).Edges);
        Assert.Equal(1U, bench.Driver.InterruptStatus);
        Assert.True(bench.Acknowledge());
        Assert.False(bench.IsInterruptAsserted);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Interrupt_ThatTheDriverDoesNotWant_IsNotRaised(ulong features)
    {
        using var bench = new Bench(new EchoDevice());
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        queue.SetInterruptsEnabled(false);
        queue.Add(bench.Writable(1));

        bench.Work();

        Assert.False(bench.IsInterruptAsserted);
        Assert.True(queue.TryTakeUsed(out _));
        queue.SetInterruptsEnabled(true);
        queue.Add(bench.Writable(1));
        bench.Work();
        Assert.True(bench.IsInterruptAsserted);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Notification_OnceTheDeviceWaits_IsWanted(ulong features)
    {
        using var bench = new Bench(new EchoDevice());
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        queue.Add(bench.Writable(1));
        bench.Work();
        _ = queue.WantsNotification;

        for (int i = 0; i < 40; i++)
        {
            Assert.True(queue.TryTakeUsed(out _));
            queue.Add(bench.Writable(1));
            Assert.True(queue.WantsNotification, $"round {i}");
            bench.Work();
        }
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Chains_InSteadyState_AllocateNothing(ulong features)
    {
        using var bench = new Bench(new EntropyDevice());
        bench.Driver.Start(features);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        DriverBuffer buffer = bench.Writable(64);

        // The driver of a split queue keeps a list of 2 bytes and its head for each chain.
        Assert.InRange(Allocations.Least(() => Round(1000)), 0, 1000 * 32);

        void Round(int count)
        {
            for (int i = 0; i < count; i++)
            {
                queue.Add(buffer);
                bench.Work();
                Assert.True(queue.TryTakeUsed(out _));
            }
        }
    }

    private static byte[] Bytes(Bench bench, DriverBuffer buffer, int count)
    {
        byte[] bytes = new byte[count];
        bench.Memory.Read(buffer.Address, bytes);
        return bytes;
    }
}
