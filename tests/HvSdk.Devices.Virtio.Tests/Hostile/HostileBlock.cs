using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

internal sealed class HostileBlock : HostileSubject
{
    private const int Capacity = 1 << 18;
    private const uint GetId = 8;
    private const int IdLength = 20;

    private static readonly uint[] s_types = [0, 1, 4, GetId, 11, 13];
    private static readonly ulong[] s_sectors = [Capacity / 512, (Capacity / 512) - 1, uint.MaxValue, 1UL << 54, (1UL << 55) - 1, ulong.MaxValue / 512, ulong.MaxValue];

    private readonly MemoryStorage _storage = new(Capacity);
    private readonly BlockDevice _device;

    public HostileBlock(Random random)
    {
        _device = new BlockDevice(new Meddling(this), new BlockDeviceOptions
        {
            QueueCount = random.Next(1, 3),
            QueueSize = 64,
            Operations = random.Next(4) == 0 ? new RateLimit(200, 50) : null,
            Bytes = random.Next(4) == 0 ? new RateLimit(1 << 20) : null,
        });
    }

    public override VirtioDevice Device => _device;

    public override int Compose(int queue, Random random, Span<byte> content, out int writable)
    {
        uint type = random.Next(16) == 0 ? (uint)random.Next() : s_types[random.Next(s_types.Length)];
        content[..16].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(content, type);
        BinaryPrimitives.WriteUInt64LittleEndian(content[8..], random.Next(4) == 0 ? s_sectors[random.Next(s_sectors.Length)] : (ulong)random.Next(Capacity / 512));
        writable = 1 + (type == 0 ? random.Next(9) * 512 : type == GetId ? IdLength : 0);
        if (type is not (1 or 11 or 13))
        {
            return 16;
        }

        int length = type == 1 ? random.Next(8) * 512 : random.Next(1, 4) * 16;
        random.NextBytes(content.Slice(16, int.Min(length, 64)));
        for (int i = 0; type != 1 && i < length; i += 16)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(content[(16 + i)..], (ulong)random.Next(Capacity / 512));
            BinaryPrimitives.WriteUInt64LittleEndian(content[(24 + i)..], (uint)random.Next(64) | ((ulong)random.Next(3) << 32));
        }

        return 16 + length;
    }

    public override void Act(Random random)
    {
        _storage.SetLength(Capacity >> random.Next(2));
        _device.UpdateCapacity();
    }

    public override void Check() => Assert.InRange(_storage.AllocatedLength, 0, Capacity);

    public override void Prove(AnyBench bench)
    {
        bench.Time.Advance(TimeSpan.FromHours(1)); // what the limits have taken is paid back
        byte[] answer = bench.Ask(0, new byte[16], 513);
        Assert.Equal([513, 0], new int[] { answer.Length, answer[^1] });
    }

    /// <summary>A disk whose guest changes its memory during the disk's work, and which fails now and then.</summary>
    private sealed class Meddling(HostileBlock owner) : IBlockStorage
    {
        private int _count;

        public long Length => owner._storage.Length;

        public bool IsReadOnly => false;

        public bool CanDiscard => true;

        public void Read(long offset, Span<byte> destination)
        {
            Step();
            owner._storage.Read(offset, destination);
        }

        public void Write(long offset, ReadOnlySpan<byte> source)
        {
            Step();
            owner._storage.Write(offset, source);
        }

        public void Flush() => Step();

        public void Discard(long offset, long length) => owner._storage.Discard(offset, length);

        public void WriteZeroes(long offset, long length, bool mayDiscard) => owner._storage.WriteZeroes(offset, length, mayDiscard);

        private void Step()
        {
            if (owner.Meddle is { } meddle && ++_count % 8 == 0)
            {
                meddle();
                if (_count % 32 == 0)
                {
                    throw new IOException("The disk fails now and then.");
                }
            }
        }
    }
}
