using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>What a guest says of its memory (virtio 1.2, 5.5.6.4). It chooses what to say, null being what it did not, and nothing holds it to the truth.</summary>
public sealed record BalloonMemoryStatistics
{
    /// <summary>When the statistics came, by the machine's time.</summary>
    public DateTimeOffset Time { get; init; }

    /// <summary>Bytes of memory that the guest has. Linux leaves those in the balloon out where it may not take them by itself (<see cref="BalloonDeviceOptions.DeflatesOnOutOfMemory"/>).</summary>
    public ulong? TotalBytes { get; init; }

    /// <summary>Bytes that are used for nothing at all.</summary>
    public ulong? FreeBytes { get; init; }

    /// <summary>Bytes that new programs could get without swapping, as the guest estimates it.</summary>
    public ulong? AvailableBytes { get; init; }

    /// <summary>Bytes that could be had quickly without reading or writing: of files in the cache, as a rule.</summary>
    public ulong? CacheBytes { get; init; }

    /// <summary>Bytes that were swapped in since the guest started.</summary>
    public ulong? SwappedInBytes { get; init; }

    /// <summary>Bytes that were swapped out since the guest started.</summary>
    public ulong? SwappedOutBytes { get; init; }

    /// <summary>Page faults that had to wait for a disk.</summary>
    public ulong? MajorFaults { get; init; }

    /// <summary>Page faults that did not.</summary>
    public ulong? MinorFaults { get; init; }

    /// <summary>Huge pages that the guest has given to its programs, of those set aside in it.</summary>
    public ulong? HugePageAllocations { get; init; }

    /// <summary>Huge pages that it could not give.</summary>
    public ulong? HugePageFailures { get; init; }

    /// <summary>Reads what a driver has written: entries in any order, tags that nobody knows among them (virtio 1.2, 5.5.6.3).</summary>
    internal static BalloonMemoryStatistics Read(ReadOnlySpan<byte> entries, DateTimeOffset time)
    {
        Span<ulong> values = stackalloc ulong[(int)BalloonTag.HugePageFailures + 1];
        uint said = 0;
        values.Clear();
        for (; entries.Length >= BalloonSpecification.StatisticSize; entries = entries[BalloonSpecification.StatisticSize..])
        {
            ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(entries);
            if (tag < values.Length)
            {
                values[tag] = BinaryPrimitives.ReadUInt64LittleEndian(entries[sizeof(ushort)..]);
                said |= 1U << tag;
            }
        }

        return new BalloonMemoryStatistics
        {
            Time = time,
            TotalBytes = Value(values, said, BalloonTag.Total),
            FreeBytes = Value(values, said, BalloonTag.Free),
            AvailableBytes = Value(values, said, BalloonTag.Available),
            CacheBytes = Value(values, said, BalloonTag.Caches),
            SwappedInBytes = Value(values, said, BalloonTag.SwapIn),
            SwappedOutBytes = Value(values, said, BalloonTag.SwapOut),
            MajorFaults = Value(values, said, BalloonTag.MajorFaults),
            MinorFaults = Value(values, said, BalloonTag.MinorFaults),
            HugePageAllocations = Value(values, said, BalloonTag.HugePageAllocations),
            HugePageFailures = Value(values, said, BalloonTag.HugePageFailures),
        };
    }

    private static ulong? Value(ReadOnlySpan<ulong> values, uint said, BalloonTag tag) => (said & (1U << (int)tag)) != 0 ? values[(int)tag] : null;
}
