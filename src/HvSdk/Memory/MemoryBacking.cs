using Microsoft.Win32.SafeHandles;

namespace HvSdk;

/// <summary>Where a region's RAM comes from.</summary>
public abstract record MemoryBacking
{
    private protected MemoryBacking()
    {
    }

    /// <summary>Fresh zeroed memory of this process alone. The default.</summary>
    public static MemoryBacking Anonymous { get; } = new AnonymousBacking();

    /// <summary>Fresh zeroed memory that can be given to other processes (Linux: a memfd; Windows: a section).</summary>
    public static MemoryBacking Shareable { get; } = new ShareableBacking();

    /// <summary>The bytes of a file.</summary>
    /// <param name="path">The file; it must hold at least offset plus the region's size.</param>
    /// <param name="sharing">Whether the guest's writes reach the file.</param>
    /// <param name="offset">First byte, a multiple of the page size.</param>
    /// <remarks>Somebody who truncates the file while it is mapped takes the pages away; the process that then touches them is ended by its system.</remarks>
    public static MemoryBacking File(string path, FileSharing sharing, long offset = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return new FileBacking(path, null, sharing, offset);
    }

    /// <summary>The bytes of an open file; the caller keeps the handle and may close it once the region exists.</summary>
    /// <param name="handle">The open file, writable where <paramref name="sharing"/> is <see cref="FileSharing.Shared"/>.</param>
    /// <param name="sharing">Whether the guest's writes reach the file.</param>
    /// <param name="offset">First byte, a multiple of the page size.</param>
    public static MemoryBacking File(SafeFileHandle handle, FileSharing sharing, long offset = 0)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return new FileBacking(null, handle, sharing, offset);
    }

    /// <summary>See <see cref="Anonymous"/>.</summary>
    public sealed record AnonymousBacking : MemoryBacking
    {
        internal AnonymousBacking()
        {
        }
    }

    /// <summary>See <see cref="Shareable"/>.</summary>
    public sealed record ShareableBacking : MemoryBacking
    {
        internal ShareableBacking()
        {
        }
    }

    /// <summary>See <see cref="File(string, FileSharing, long)"/>.</summary>
    public sealed record FileBacking : MemoryBacking
    {
        internal FileBacking(string? path, SafeFileHandle? handle, FileSharing sharing, long offset)
        {
            Path = path;
            Handle = handle;
            Sharing = sharing;
            Offset = offset;
        }

        /// <summary>The file's path, or null where a handle was given.</summary>
        public string? Path { get; }

        /// <summary>The open file, or null where a path was given.</summary>
        public SafeFileHandle? Handle { get; }

        /// <summary>Whether writes reach the file.</summary>
        public FileSharing Sharing { get; }

        /// <summary>First byte.</summary>
        public long Offset { get; }
    }
}

/// <summary>Whether writes to file-backed memory reach the file.</summary>
public enum FileSharing
{
    /// <summary>Writes stay in this process (copy on write); the file is only read.</summary>
    Private,

    /// <summary>Writes reach the file and everybody who maps it.</summary>
    Shared,
}

/// <summary>Pages that the host backs RAM with.</summary>
public enum HugePages
{
    /// <summary>What the host does by itself.</summary>
    None,

    /// <summary>The host is asked to use huge pages where it can; it may not, and a host that knows none ignores it.</summary>
    Transparent,

    /// <summary>2 MiB pages set aside by the host's administrator; mapping fails where there are too few.</summary>
    Size2MiB,

    /// <summary>1 GiB pages set aside by the host's administrator; mapping fails where there are too few.</summary>
    Size1GiB,
}

/// <summary>What the guest may do with a region.</summary>
public enum MemoryAccess
{
    /// <summary>RAM: read, write and execute.</summary>
    ReadWrite,

    /// <summary>ROM: read and execute. A write leaves the guest as an MMIO write.</summary>
    ReadOnly,
}
