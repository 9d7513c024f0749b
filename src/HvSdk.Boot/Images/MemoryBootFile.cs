namespace HvSdk.Boot;

/// <summary>Bytes in memory.</summary>
internal sealed class MemoryBootFile(ReadOnlyMemory<byte> content, string name) : BootFile(name, content.Length)
{
    public override int Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (offset >= content.Length)
        {
            return 0;
        }

        ReadOnlySpan<byte> source = content.Span[(int)offset..];
        int count = int.Min(source.Length, destination.Length);
        source[..count].CopyTo(destination);
        return count;
    }
}
