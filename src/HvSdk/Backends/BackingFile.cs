using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends;

/// <summary>Opens the file behind a region, the same for each backend; how it is mapped is the backend's.</summary>
public static class BackingFile
{
    /// <summary>Opens the file, or takes the caller's handle, checks that it holds the region, and lets it be used. A file that was opened here is closed after it.</summary>
    /// <typeparam name="T">What the use gives.</typeparam>
    /// <param name="file">The file.</param>
    /// <param name="size">Bytes of the region.</param>
    /// <param name="pageSize">What the offset must be a multiple of.</param>
    /// <param name="use">Maps it.</param>
    /// <exception cref="ArgumentException">The offset is not aligned, or the file is too short.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static T Use<T>(MemoryBacking.FileBacking file, ulong size, int pageSize, Func<SafeFileHandle, T> use)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(use);
        if (file.Offset % pageSize != 0)
        {
            throw new ArgumentException($"The file's offset {file.Offset} is not a multiple of the page size, {pageSize} bytes.", nameof(file));
        }

        SafeFileHandle handle = file.Handle ?? File.OpenHandle(
            file.Path!, FileMode.Open, file.Sharing == FileSharing.Shared ? FileAccess.ReadWrite : FileAccess.Read, FileShare.ReadWrite);
        try
        {
            long length = RandomAccess.GetLength(handle);
            if (length - file.Offset < 0 || (ulong)(length - file.Offset) < size)
            {
                throw new ArgumentException(
                    $"{file.Path ?? "The file"} holds {length} bytes, and the region needs {size} from offset {file.Offset}. Make it larger (RandomAccess.SetLength), or the region smaller.",
                    nameof(file));
            }

            return use(handle);
        }
        finally
        {
            if (file.Handle is null)
            {
                handle.Dispose();
            }
        }
    }
}
