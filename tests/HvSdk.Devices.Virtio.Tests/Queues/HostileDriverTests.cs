using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Queues;

/// <summary>Lies that a driver can tell. Each breaks its own device, which asks to be reset, and works again after it.</summary>
public sealed class HostileDriverTests
{
    private const ushort Next = 1;
    private const ushort Write = 2;
    private const ushort Indirect = 4;

    [Fact]
    public void Split_ChainThatIsALoop_Breaks() => Breaks(0, static (bench, queue) =>
    {
        Descriptor(bench, queue.Descriptors, 0x20_0000, 16, Next, 1);
        Descriptor(bench, queue.Descriptors + 16, 0x20_0000, 16, Next, 0);
        Publish(bench, queue, 0);
    });

    [Fact]
    public void Split_HeadBeyondTable_Breaks() => Breaks(0, static (bench, queue) => Publish(bench, queue, (ushort)queue.Size));

    [Fact]
    public void Split_NextBeyondTable_Breaks() => Breaks(0, static (bench, queue) =>
    {
        Descriptor(bench, queue.Descriptors, 0x20_0000, 16, Next, 0xFFFF);
        Publish(bench, queue, 0);
    });

    [Fact]
    public void Split_IndexThatJumps_Breaks() => Breaks(0, static (bench, queue) => bench.Memory.Write(queue.DriverArea + 2, (ushort)(queue.Size + 1)));

    [Fact]
    public void Split_IndirectWithNext_Breaks() => Breaks(VirtioDriverFeatures.IndirectDescriptors, static (bench, queue) =>
    {
        Descriptor(bench, queue.Descriptors, 0x20_0000, 16, Indirect | Next, 1);
        Publish(bench, queue, 0);
    });

    [Fact]
    public void Split_TableThatIsALoop_Breaks() => Breaks(VirtioDriverFeatures.IndirectDescriptors, static (bench, queue) =>
    {
        Descriptor(bench, 0x20_0000, 0x30_0000, 16, Next, 0);
        Descriptor(bench, queue.Descriptors, 0x20_0000, 16, Indirect, 0);
        Publish(bench, queue, 0);
    });

    [Fact]
    public void Split_TableEntryBeyondTable_Breaks() => Breaks(VirtioDriverFeatures.IndirectDescriptors, static (bench, queue) =>
    {
        Descriptor(bench, 0x20_0000, 0x30_0000, 16, Next, 1);
        Descriptor(bench, queue.Descriptors, 0x20_0000, 16, Indirect, 0);
        Publish(bench, queue, 0);
    });

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Buffer_BeyondMemory_Breaks(ulong features) => Breaks(features, static (_, queue) => queue.Add(new DriverBuffer(0x0100_0000 - 8, 16, IsWritable: true)));

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Buffer_WhoseEndOverflows_Breaks(ulong features) => Breaks(features, static (_, queue) => queue.Add(new DriverBuffer(ulong.MaxValue - 8, 16, IsWritable: true)));

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Buffer_ToReadBehindOneToWrite_Breaks(ulong features) => Breaks(features, static (bench, queue) => queue.Add(bench.Writable(1), bench.Readable(1)));

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Table_OfPartOfADescriptor_Breaks(ulong features) => Breaks(features, (bench, queue) =>
        RawIndirect(bench, queue, features, new DriverBuffer(0x20_0000, 24, IsWritable: false)));

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Table_Empty_Breaks(ulong features) => Breaks(features, (bench, queue) =>
        RawIndirect(bench, queue, features, new DriverBuffer(0x20_0000, 0, IsWritable: false)));

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Table_BeyondMemory_Breaks(ulong features) => Breaks(features, (bench, queue) =>
        RawIndirect(bench, queue, features, new DriverBuffer(0x2000_0000, 16, IsWritable: false)));

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Table_WithinATable_Breaks(ulong features) => Breaks(features, (bench, queue) =>
    {
        bool isPacked = (features & VirtioDriverFeatures.PackedRing) != 0;
        Descriptor(bench, 0x20_0000, 0x30_0000, 16, isPacked ? (ushort)0 : Indirect, isPacked ? Indirect : (ushort)0);
        RawIndirect(bench, queue, features, new DriverBuffer(0x20_0000, 16, IsWritable: false));
    });

    [Theory]
    [InlineData(0UL)]
    [InlineData(VirtioDriverFeatures.PackedRing)]
    public void Table_NotAgreedUpon_Breaks(ulong features) => Breaks(features, static (bench, queue) => queue.AddIndirect(bench.Writable(1)));

    [Fact]
    public void Packed_ChainWithoutEnd_Breaks() => Breaks(VirtioDriverFeatures.PackedRing, static (bench, queue) =>
    {
        for (int i = 0; i < queue.Size; i++)
        {
            Descriptor(bench, queue.Descriptors + (ulong)(i * 16), 0x20_0000, 1, 0, Next | (1 << 7));
        }
    });

    [Fact]
    public void Packed_ChainThatGoesOnInWhatIsNotAvailable_Breaks() => Breaks(VirtioDriverFeatures.PackedRing, static (bench, queue) =>
        Descriptor(bench, queue.Descriptors, 0x20_0000, 1, 0, Next | (1 << 7)));

    [Theory]
    [InlineData(0x80U, 0x1UL)]
    [InlineData(0x84U, 0x1000UL)]
    [InlineData(0x90U, 0x1UL)]
    [InlineData(0x94U, 0x1000UL)]
    [InlineData(0xA0U, 0x2UL)]
    [InlineData(0xA4U, 0xFFFF_FFFFUL)]
    [InlineData(0x38U, 3UL)]
    [InlineData(0x38U, 0UL)]
    [InlineData(0x38U, 0x8000_0000UL)]
    public void Queue_SetUpWrongly_Breaks(uint register, ulong value)
    {
        using var bench = new Bench(new EchoDevice());
        bench.Driver.Start(0);
        bench.Driver.WriteRegister(0x30, 0);
        bench.Driver.WriteRegister(0x44, 0);
        bench.Driver.WriteRegister(register, (uint)value);

        bench.Driver.WriteRegister(0x44, 1);
        bench.Work();

        Assert.True(bench.Driver.NeedsReset);
        AssertWorks(bench, 0);
    }

    [Fact]
    public void Chain_ThatChangesOnceTaken_KeepsWhatWasChecked()
    {
        var device = new EchoDevice { Keeps = true };
        using var bench = new Bench(device);
        bench.Driver.Start(0);
        VirtqueueDriver queue = bench.Driver.Queues[0];
        queue.Add(bench.Readable(1, 2), bench.Writable(2));
        bench.Work();

        // The descriptors now point beyond memory; what was taken stays.
        for (int i = 0; i < queue.Size; i++)
        {
            Descriptor(bench, queue.Descriptors + (ulong)(i * 16), ulong.MaxValue, uint.MaxValue, Next, 0);
        }

        device.ReleaseInReverse();
        bench.Work();

        Assert.True(queue.TryTakeUsed(out UsedBuffer used));
        Assert.Equal(2U, used.Written);
        Assert.False(bench.Driver.NeedsReset);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public void Bytes_AtRandomInRingsAndTables_BreakNothingElse(ulong features)
    {
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 400_000 : 4_000;
        using var bench = new Bench(new EchoDevice(16, 8));
        var random = new Random(unchecked((int)features) + 7);
        ulong mark = bench.Arena.Mark;
        Span<byte> noise = stackalloc byte[64];
        for (int round = 0; round < rounds; round++)
        {
            bench.Arena.Clear(mark);
            bench.Driver.Start(features);
            foreach (VirtqueueDriver queue in bench.Driver.Queues)
            {
                for (int i = random.Next(6); i > 0; i--)
                {
                    queue.AddIndirect(bench.Readable(1, 2, 3), bench.Writable(4));
                }

                for (int i = random.Next(1, 6); i > 0; i--)
                {
                    random.NextBytes(noise);
                    ulong area = random.Next(4) switch { 0 => queue.DriverArea, 1 => queue.DeviceArea, 2 => queue.Descriptors + (ulong)random.Next(queue.Size * 16), _ => bench.Arena.Mark - 64 };
                    int length = random.Next(1, random.Next(2) == 0 ? 3 : 17);
                    bench.Memory.Write(area + (ulong)random.Next(4), noise[..length]);
                }
            }

            bench.Work();
        }

        AssertWorks(bench, features);
    }

    private static void Breaks(ulong features, Action<Bench, VirtqueueDriver> lie)
    {
        var device = new EchoDevice();
        using var bench = new Bench(device);
        bench.Driver.Start(features);
        lie(bench, bench.Driver.Queues[0]);

        bench.Work();

        Assert.True(bench.Driver.NeedsReset);
        Assert.NotNull(device.Fault);
        Assert.Equal(2U, bench.Driver.InterruptStatus & 2);
        Assert.Empty(device.Seen);
        AssertWorks(bench, features);
    }

    private static void AssertWorks(Bench bench, ulong features)
    {
        bench.Driver.Start(features);
        Assert.False(bench.Driver.NeedsReset);
        bench.Driver.Queues[0].Add(bench.Readable(1), bench.Writable(1));
        bench.Work();
        Assert.True(bench.Driver.Queues[0].TryTakeUsed(out UsedBuffer used));
        Assert.Equal(1U, used.Written);
    }

    private static void Descriptor(Bench bench, ulong at, ulong address, uint length, ushort word12, ushort word14)
    {
        bench.Memory.Write(at, address);
        bench.Memory.Write(at + 8, length);
        bench.Memory.Write(at + 12, word12);
        bench.Memory.Write(at + 14, word14);
    }

    private static void Publish(Bench bench, VirtqueueDriver queue, ushort head)
    {
        bench.Memory.Write(queue.DriverArea + 4, head);
        bench.Memory.Write(queue.DriverArea + 2, (ushort)1);
    }

    private static void RawIndirect(Bench bench, VirtqueueDriver queue, ulong features, DriverBuffer table)
    {
        if ((features & VirtioDriverFeatures.PackedRing) != 0)
        {
            Descriptor(bench, queue.Descriptors, table.Address, table.Length, 0, Indirect | (1 << 7));
            return;
        }

        Descriptor(bench, queue.Descriptors, table.Address, table.Length, Indirect, 0);
        Publish(bench, queue, 0);
    }
}
