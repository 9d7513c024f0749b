namespace HvSdk.Boot;

/// <summary>A piece of a file that goes to memory, the rest of which is cleared.</summary>
/// <remarks>A class, as all that the loaders keep in lists: code for lists of structs is compiled anew in each process.</remarks>
/// <param name="Name">What the piece is, for people.</param>
/// <param name="FileOffset">Where it is in the file.</param>
/// <param name="FileSize">How many bytes of the file.</param>
/// <param name="Address">The GPA that it goes to.</param>
/// <param name="VirtualAddress">Where the image itself sees it once it has made its page tables.</param>
/// <param name="MemorySize">How many bytes of memory; not fewer than of the file.</param>
internal sealed record LoadSegment(string Name, long FileOffset, long FileSize, ulong Address, ulong VirtualAddress, ulong MemorySize)
{
    public ulong End => Address + MemorySize;

    public bool Contains(ulong address) => address >= Address && address - Address < MemorySize;

    /// <summary>Writes pieces to memory, each moved by the same distance.</summary>
    public static void Write(BootWriter writer, string step, BootFile file, IReadOnlyList<LoadSegment> segments, ulong distance = 0)
    {
        foreach (LoadSegment segment in segments)
        {
            writer.Copy(step, file, segment.FileOffset, unchecked(segment.Address + distance), segment.FileSize);
            segment.ClearRest(writer, distance);
        }
    }

    public void ClearRest(BootWriter writer, ulong distance = 0) =>
        writer.Clear(unchecked(Address + distance) + (ulong)FileSize, MemorySize - (ulong)FileSize);
}
