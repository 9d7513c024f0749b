using System.Runtime.InteropServices;

namespace HvSdk.Testing;

/// <summary>Memory that the guest of a script sees.</summary>
internal sealed class ScriptedMapping(ulong address, SafeBuffer block, ulong offset, ulong size, MemoryAccess access, int pageSize)
{
    private ulong[]? _dirtyPages;

    internal ulong Address { get; } = address;

    internal ulong Size { get; } = size;

    internal SafeBuffer Block { get; } = block;

    internal void SetTracking(bool enabled) => _dirtyPages = enabled ? new ulong[DirtyPageBitmap.WordsFor(Size, pageSize)] : null;

    internal void Collect(Span<ulong> bitmap)
    {
        ulong[] pages = _dirtyPages ?? throw new InvalidOperationException("Contract: dirty pages were collected of a mapping that does not track them.");
        if (bitmap.Length != pages.Length)
        {
            throw new InvalidOperationException($"Contract: the mapping needs a bitmap of {pages.Length} words and got {bitmap.Length}.");
        }

        pages.CopyTo(bitmap);
        Array.Clear(pages);
    }

    internal bool Contains(ulong first, int length) => first >= Address && first - Address < Size && (ulong)length <= Size - (first - Address);

    internal void Store(ulong first, ReadOnlySpan<byte> data)
    {
        if (access == MemoryAccess.ReadOnly)
        {
            throw new InvalidOperationException(
                $"The script stores to 0x{first:X}, which is read-only to the guest. Use {nameof(VcpuScript.MmioWrite)}: that is how such a write leaves.");
        }

        ulong start = first - Address;
        Block.WriteSpan(offset + start, data);
        for (ulong page = start / (uint)pageSize; !data.IsEmpty && page <= (start + (uint)data.Length - 1) / (uint)pageSize; page++)
        {
            if (_dirtyPages is { } pages)
            {
                pages[page / 64] |= 1UL << (int)(page % 64);
            }
        }
    }
}
