namespace HvSdk.Devices.Virtio;

/// <summary>Choices for a <see cref="FileSystemDevice"/>.</summary>
/// <remarks>The limits bound what a guest can make the host keep. One that runs into them gets an error, and nobody else is hurt.</remarks>
public sealed record FileSystemOptions
{
    /// <summary>Queues for requests beside the one of high priority: 1 to 64. All are served by one thread; a Linux guest takes one for each of its processors.</summary>
    public int RequestQueues { get; init; } = 1;

    /// <summary>Entries of each queue: a power of two from 16 to 32768. A Linux guest's requests are at most so many pages long.</summary>
    public int QueueSize { get; init; } = 1024;

    /// <summary>Bytes that one request reads or writes at most: a multiple of 4096, up to 16 MiB. Linux up to 6.13 goes to 1 MiB.</summary>
    public int MaxTransfer { get; init; } = 1 << 20;

    /// <summary>Nodes that the guest can know at a time, 1 or more. Linux forgets nodes when it needs memory or the tree is unmounted.</summary>
    public int MaxNodes { get; init; } = 1 << 18;

    /// <summary>Files and directories that the guest can have open at a time, 1 or more.</summary>
    public int MaxOpenFiles { get; init; } = 1 << 14;

    /// <summary>How long the guest may believe what it knows of names and attributes without asking: 0 or more, at most a day.</summary>
    /// <remarks>Changes that the guest makes itself it sees at once. Long times are for trees that nobody else changes.</remarks>
    public TimeSpan CacheTime { get; init; } = TimeSpan.FromSeconds(1);

    internal void Validate()
    {
        Check(RequestQueues is >= 1 and <= 64, nameof(RequestQueues), RequestQueues, "Give 1 to 64.");
        Check(QueueSize is >= 16 and <= 1 << 15 && int.IsPow2(QueueSize), nameof(QueueSize), QueueSize, "Give a power of two from 16 to 32768.");
        Check(MaxTransfer is >= 4096 and <= 1 << 24 && MaxTransfer % 4096 == 0, nameof(MaxTransfer), MaxTransfer, "Give a multiple of 4096, up to 16777216.");
        Check(MaxNodes >= 1, nameof(MaxNodes), MaxNodes, "Give 1 or more; the root counts.");
        Check(MaxOpenFiles >= 1, nameof(MaxOpenFiles), MaxOpenFiles, "Give 1 or more.");
        Check(CacheTime >= TimeSpan.Zero && CacheTime <= TimeSpan.FromDays(1), nameof(CacheTime), CacheTime, "Give 0 to one day.");
    }

    private static void Check<T>(bool isValid, string name, T value, string remedy)
    {
        if (!isValid)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{nameof(FileSystemOptions)}.{name} cannot be {value}. {remedy}");
        }
    }
}
