using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>A storage that takes all the buffers of a request at once.</summary>
public sealed class StorageBuffersTests
{
    private const int Size = 1 << 16;

    [Fact]
    public void Storage_ThatCopiesAllBuffers_HasTheirBytes()
    {
        var storage = new CopyingStorage();
        using var bench = new BlockBench(storage);
        byte[] data = BlockBench.Pattern(3 * 512);

        Assert.Equal(BlockBench.Ok, Transfer(bench, BlockBench.Out, [.. data.Chunk(300).Select(part => bench.Bench.Readable(part))]));
        DriverBuffer[] room = [bench.Bench.Writable(1000), bench.Bench.Writable(536)];
        Assert.Equal(BlockBench.Ok, Transfer(bench, BlockBench.In, room));

        Assert.Equal(data, storage.Bytes[512..2048]);
        Assert.Equal(data, room.SelectMany(buffer =>
        {
            byte[] bytes = new byte[buffer.Length];
            bench.Bench.Memory.Read(buffer.Address, bytes);
            return bytes;
        }));
        Assert.Equal(["write 512 1536", "read 512 1536"], storage.Calls);
    }

    [Fact]
    public void Buffers_OfAStorageThatAsksForTooMuch_RefuseAndTheGuestGetsAnError()
    {
        var storage = new CopyingStorage { Extra = 1 };
        using var bench = new BlockBench(storage);

        bench.Bench.Driver.Queues[0].Add([bench.Bench.Readable(BlockBench.Header(BlockBench.Out, 1)), bench.Bench.Readable(new byte[512]), bench.Bench.Writable(1)]);
        for (int looks = 0; looks < 100 && !bench.Bench.Driver.NeedsReset; looks++)
        {
            bench.Bench.Work();
        }

        // A defect of the storage, and not an error of the host's: the device asks to be reset.
        Assert.True(bench.Bench.Driver.NeedsReset);
        Assert.Contains("are not within the 512", bench.Device.Fault, StringComparison.Ordinal);
    }

    private static byte Transfer(BlockBench bench, uint type, DriverBuffer[] buffers)
    {
        DriverBuffer status = bench.Bench.Writable(1);
        bench.Queue.Add([bench.Bench.Readable(BlockBench.Header(type, 1)), .. buffers, status]);
        bench.WorkUntilUsed();
        return bench.Status(status.Address);
    }

    /// <summary>Takes and fills all buffers by one copy, in two halves.</summary>
    private sealed class CopyingStorage : IBlockStorage
    {
        public byte[] Bytes { get; } = new byte[Size];

        public List<string> Calls { get; } = [];

        /// <summary>Bytes that it asks for beyond those that there are.</summary>
        public int Extra { get; init; }

        public long Length => Bytes.Length;

        public bool IsReadOnly => false;

        public void Read(long offset, Span<byte> destination) => Assert.Fail("All buffers are one call.");

        public void Write(long offset, ReadOnlySpan<byte> source) => Assert.Fail("All buffers are one call.");

        public void Read(long offset, WritableBuffers destination)
        {
            Calls.Add($"read {offset} {destination.Length}");
            int half = destination.Length / 2;
            destination.Slice(0, half).CopyFrom(Bytes.AsSpan((int)offset, half));
            destination.Slice(half, destination.Length - half).CopyFrom(Bytes.AsSpan((int)offset + half, destination.Length - half));
        }

        public void Write(long offset, ReadableBuffers source)
        {
            Calls.Add($"write {offset} {source.Length}");
            int half = source.Length / 2;
            source.Slice(0, half).CopyTo(Bytes.AsSpan((int)offset, half));
            source.Slice(half, source.Length - half + Extra).CopyTo(Bytes.AsSpan((int)offset + half, source.Length - half + Extra));
        }

        public void Flush()
        {
        }
    }
}
