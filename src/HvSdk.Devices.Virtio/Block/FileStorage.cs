using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio;

/// <summary>A raw disk image in a file. Any thread may call. Dispose of it after the machine.</summary>
/// <remarks>
/// The file is locked: one machine may write it, or any number may read it. The lock is advisory on Linux and macOS, so that programs which do not look
/// for locks are not held off. A file that another program makes shorter gives errors, and is not made longer again by what the guest writes.
/// Once the host has failed to flush, it has lost bytes that it said to have: every later flush fails too, until the file is opened anew.
/// </remarks>
public sealed class FileStorage : IBlockStorage, IDisposable
{
    // What a file that somebody else has locked gives: EWOULDBLOCK of Linux and of macOS, ERROR_SHARING_VIOLATION of Windows.
    private const int LockedOnLinux = 11;
    private const int LockedOnMacOS = 35;
    private const int LockedOnWindows = unchecked((int)0x8007_0020);

    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private long _length;
    private volatile IOException? _flushFailure;

    /// <summary>Opens an image.</summary>
    /// <param name="path">The file; its length is a multiple of 512, and not 0.</param>
    /// <param name="isReadOnly">The guest cannot write, and the file need not be writable. Several machines may have it.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened, or is a directory.</exception>
    /// <exception cref="IOException">The file is in use by another machine.</exception>
    /// <exception cref="ArgumentException">The file's length is not that of a disk.</exception>
    public FileStorage(string path, bool isReadOnly = false)
        : this(path, isReadOnly, FileMode.Open, length: null)
    {
    }

    private FileStorage(string path, bool isReadOnly, FileMode mode, long? length)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = path;
        IsReadOnly = isReadOnly;
        _handle = Open(path, isReadOnly, mode);
        try
        {
            if (length is { } given)
            {
                RandomAccess.SetLength(_handle, given);
            }

            _length = RandomAccess.GetLength(_handle);
            if (_length == 0 || _length % BlockRange.SectorSize != 0)
            {
                throw new ArgumentException(
                    $"'{path}' has {_length} bytes. A raw image has whole sectors of {BlockRange.SectorSize} bytes, at least one: it may have been cut off, or be of another format. "
                    + "Make it longer, or convert it.", nameof(path));
            }
        }
        catch
        {
            _handle.Dispose();
            if (mode == FileMode.CreateNew)
            {
                File.Delete(path);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public long Length => Interlocked.Read(ref _length);

    /// <inheritdoc/>
    public bool IsReadOnly { get; }

    /// <summary>For calls that .NET lacks.</summary>
    internal SafeFileHandle Handle => _handle;

    /// <summary>Makes a new image that reads as zeroes, and opens it. It takes up room on the host as it is written, where the host's file system can do so.</summary>
    /// <param name="path">The file, which does not exist.</param>
    /// <param name="length">Bytes, a multiple of 512, at least 512.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is no such.</exception>
    /// <exception cref="IOException">The file exists, or the host cannot make it.</exception>
    public static FileStorage Create(string path, long length)
    {
        ThrowIfNoLength(length);
        return new FileStorage(path, isReadOnly: false, FileMode.CreateNew, length);
    }

    /// <summary>Makes the file longer or shorter; <see cref="BlockDevice.UpdateCapacity"/> then tells the guest. What is cut off is lost.</summary>
    /// <param name="length">Bytes, a multiple of 512, at least 512.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is no such.</exception>
    /// <exception cref="IOException">The host cannot.</exception>
    /// <exception cref="UnauthorizedAccessException">The image was opened read-only.</exception>
    public void SetLength(long length)
    {
        ThrowIfNoLength(length);
        ThrowIfReadOnly();
        RandomAccess.SetLength(_handle, length);
        Interlocked.Exchange(ref _length, length);
    }

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        BlockRange.ThrowIfBeyond(offset, destination.Length, Length);
        while (!destination.IsEmpty)
        {
            int count = RandomAccess.Read(_handle, destination, offset);
            if (count == 0)
            {
                throw EndsAt(offset);
            }

            offset += count;
            destination = destination[count..];
        }
    }

    /// <inheritdoc/>
    public void Read(long offset, WritableBuffers destination)
    {
        BlockRange.ThrowIfBeyond(offset, destination.Length, Length);
        int count = destination.ReadFile(_handle, offset);
        if (count < destination.Length)
        {
            throw EndsAt(offset + count);
        }
    }

    /// <inheritdoc/>
    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        RandomAccess.Write(GetHandleFor(offset, source.Length), source, offset);
    }

    /// <inheritdoc/>
    public void Write(long offset, ReadableBuffers source) => source.WriteFile(GetHandleFor(offset, source.Length), offset);

    /// <inheritdoc/>
    public void Flush()
    {
        if (_flushFailure is { } failure)
        {
            throw new IOException($"'{_path}' could not be flushed once, and what was written before it is lost. Open it anew.", failure);
        }

        if (IsReadOnly)
        {
            return;
        }

        try
        {
            RandomAccess.FlushToDisk(_handle);
        }
        catch (IOException e)
        {
            _flushFailure = e;
            throw;
        }
    }

    /// <summary>Closes the file. What was not flushed stays with the host, which writes it in its own time.</summary>
    public void Dispose() => _handle.Dispose();

    /// <summary>The file, for a change of a range that lies within it.</summary>
    /// <exception cref="EndOfStreamException">The range does not.</exception>
    /// <exception cref="UnauthorizedAccessException">The image was opened read-only.</exception>
    internal SafeFileHandle GetHandleFor(long offset, long length)
    {
        ThrowIfReadOnly();

        // The file's own length: a write behind its end would make it longer, with zeroes where the guest's bytes were.
        BlockRange.ThrowIfBeyond(offset, length, long.Min(Length, RandomAccess.GetLength(_handle)));
        return _handle;
    }

    private static SafeFileHandle Open(string path, bool isReadOnly, FileMode mode)
    {
        try
        {
            return File.OpenHandle(path, mode, isReadOnly ? FileAccess.Read : FileAccess.ReadWrite, isReadOnly ? FileShare.Read : FileShare.None);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FileNotFoundException($"There is no disk image '{path}'. Make one with {nameof(FileStorage)}.{nameof(Create)}, or correct the path.", path, e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UnauthorizedAccessException(
                $"The disk image '{path}' may not be {(isReadOnly ? "read" : "written")} by this user, or is a directory. Change its permissions{(isReadOnly ? "" : ", or open it read-only")}.", e);
        }
        catch (IOException e) when (e.HResult is LockedOnLinux or LockedOnMacOS or LockedOnWindows)
        {
            throw new IOException(
                $"The disk image '{path}' is in use by another machine or program. Give each machine an image of its own, or open it read-only in all of them.", e.HResult);
        }
    }

    private EndOfStreamException EndsAt(long offset) => new($"'{_path}' ends at {offset}: it was {Length} bytes long when it was opened.");

    private static void ThrowIfNoLength(long length)
    {
        if (length < BlockRange.SectorSize || length % BlockRange.SectorSize != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, $"A disk image has whole sectors of {BlockRange.SectorSize} bytes, at least one. Round the length up.");
        }
    }

    private void ThrowIfReadOnly()
    {
        if (IsReadOnly)
        {
            throw new UnauthorizedAccessException($"'{_path}' was opened read-only.");
        }
    }
}
