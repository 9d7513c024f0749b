namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>A disk in memory that records what is asked of it, and fails on demand.</summary>
internal sealed class RecordingStorage(long length) : IBlockStorage
{
    private readonly MemoryStorage _memory = new(length);

    public long Length => _memory.Length;

    public bool IsReadOnly => false;

    public bool CanDiscard { get; init; } = true;

    /// <summary>The calls, as "write 0 512".</summary>
    public List<string> Calls { get; } = [];

    /// <summary>Thrown by what its name begins with: "write", "flush".</summary>
    public (string Name, Exception Exception)? Failure { get; set; }

    public void Read(long offset, Span<byte> destination)
    {
        Record("read", offset, destination.Length);
        _memory.Read(offset, destination);
    }

    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        Record("write", offset, source.Length);
        _memory.Write(offset, source);
    }

    public void Flush() => Record("flush", 0, 0);

    public void Discard(long offset, long length)
    {
        Record("discard", offset, length);
        _memory.Discard(offset, length);
    }

    public void WriteZeroes(long offset, long length, bool mayDiscard)
    {
        Record(mayDiscard ? "zero-discard" : "zero", offset, length);
        _memory.WriteZeroes(offset, length, mayDiscard);
    }

    private void Record(string name, long offset, long length)
    {
        Calls.Add($"{name} {offset} {length}");
        if (Failure is { } failure && name.StartsWith(failure.Name, StringComparison.Ordinal))
        {
            throw failure.Exception;
        }
    }
}
