using System.Buffers.Binary;
using HvSdk.Devices.Virtio;

namespace HvSdk.Linux.Tests.Storages;

/// <summary>A user's own disk, whose content is made up as it is read: each 8 bytes are their own offset. It cannot be written.</summary>
internal sealed class CountingStorage(long length) : IBlockStorage
{
    public long Length => length;

    public bool IsReadOnly => true;

    public void Read(long offset, Span<byte> destination)
    {
        Span<byte> word = stackalloc byte[sizeof(long)];
        while (!destination.IsEmpty)
        {
            int start = (int)(offset % sizeof(long));
            BinaryPrimitives.WriteInt64LittleEndian(word, offset - start);
            int part = int.Min(sizeof(long) - start, destination.Length);
            word.Slice(start, part).CopyTo(destination);
            destination = destination[part..];
            offset += part;
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> source) => throw new UnauthorizedAccessException("It is made up, and cannot be written.");

    public void Flush()
    {
    }
}
