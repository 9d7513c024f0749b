using System.Buffers.Binary;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Balloon;

/// <summary>A driver of the balloon, as far as virtio 1.2, 5.5 has it. The test is the device's worker.</summary>
internal sealed class BalloonDriver : IDisposable
{
    public const ulong Statistics = 1UL << 1;
    public const ulong DeflateOnOutOfMemory = 1UL << 2;
    public const ulong PagePoison = 1UL << 4;
    public const ulong PageReporting = 1UL << 5;
    public const ulong PageSize = 4096;

    /// <summary>The first page of those that tests give away, far from the rings and buffers.</summary>
    public const uint FirstPage = 0x80_0000 >> 12;

    public BalloonDriver(BalloonDevice device, ulong? features = null)
    {
        Device = device;
        Bench = new Bench(device);
        for (uint page = 0; page < 64; page++)
        {
            Fill(FirstPage + page);
        }

        if (features is { } wanted)
        {
            Bench.Driver.Start(wanted);
            Bench.Work();
        }
    }

    public BalloonDevice Device { get; }

    public Bench Bench { get; }

    public VirtqueueDriver Inflating => Bench.Driver.Queues[0];

    public VirtqueueDriver Deflating => Bench.Driver.Queues[1];

    public VirtqueueDriver Telling => Bench.Driver.Queues[2];

    public uint Target => (uint)Bench.Driver.ReadConfiguration(0, 4);

    /// <summary>Says how many pages are in the balloon.</summary>
    public void SetActual(uint pages) => Bench.Driver.WriteConfiguration(4, pages, 4);

    public void Fill(uint page) => Bench.Memory.Write(page * PageSize, 0x5A5A_5A5AUL);

    public bool IsZero(uint page) => Bench.Memory.Read<ulong>(page * PageSize) == 0;

    /// <summary>An array of numbers of pages, to be read by the device.</summary>
    public DriverBuffer Pages(params ReadOnlySpan<uint> numbers)
    {
        byte[] bytes = new byte[numbers.Length * 4];
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 * i), numbers[i]);
        }

        return Bench.Readable(bytes);
    }

    public void Inflate(params ReadOnlySpan<uint> numbers) => Exchange(Inflating, Pages(numbers));

    /// <summary>Pages as free memory is reported: room that the device may write to.</summary>
    public static DriverBuffer Free(uint page, uint count) => new(page * PageSize, count * (uint)PageSize, IsWritable: true);

    /// <summary>Makes buffers available, and takes them back.</summary>
    /// <returns>What the device says it has written.</returns>
    public uint Exchange(VirtqueueDriver queue, params ReadOnlySpan<DriverBuffer> buffers)
    {
        queue.Add(buffers);
        Bench.Work();
        Assert.True(queue.TryTakeUsed(out UsedBuffer used));
        return used.Written;
    }

    /// <summary>Tells statistics, as a driver does when it starts and when it gets its buffer back.</summary>
    public void Tell(params ReadOnlySpan<(int Tag, int Value)> entries)
    {
        byte[] bytes = new byte[entries.Length * 10];
        for (int i = 0; i < entries.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(10 * i), (ushort)entries[i].Tag);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan((10 * i) + 2), entries[i].Value);
        }

        Telling.Add(Bench.Readable(bytes));
        Bench.Work();
    }

    /// <summary>The device has given the buffer of the statistics back: it asks.</summary>
    public bool IsAsked()
    {
        Bench.Work();
        return Telling.TryTakeUsed(out _);
    }

    public void Dispose() => Bench.Dispose();
}
