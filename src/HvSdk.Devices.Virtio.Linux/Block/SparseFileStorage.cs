using HvSdk.Devices.Virtio.Linux.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>A raw disk image in a file that takes up no room for what the guest has discarded: discarded ranges become holes. Any thread may call. Dispose of it after the machine.</summary>
/// <remarks>
/// All else is as in <see cref="FileStorage"/>: locks, flushes, errors. The file is not made shorter by a discard. Where the image's file system has no holes
/// (<see cref="CanDiscard"/> is false), guests are not offered to discard, and zeroes are written.
/// </remarks>
/// <example>
/// <code>
/// using var storage = new SparseFileStorage("debian.img");
/// builder.AddVirtio(new BlockDevice(storage)); // Linux: fstrim /
/// </code>
/// </example>
public sealed class SparseFileStorage : IBlockStorage, IDisposable
{
    private const int ProbeLength = 512;

    private readonly FileStorage _file;
    private volatile bool _canZero = true;

    /// <summary>Opens an image.</summary>
    /// <param name="path">The file; its length is a multiple of 512, and not 0.</param>
    /// <param name="isReadOnly">The guest cannot write, and the file need not be writable. Several machines may have it.</param>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened, or is a directory.</exception>
    /// <exception cref="IOException">The file is in use by another machine.</exception>
    /// <exception cref="ArgumentException">The file's length is not that of a disk.</exception>
    public SparseFileStorage(string path, bool isReadOnly = false)
        : this(CheckSystem(() => new FileStorage(path, isReadOnly)))
    {
    }

    private SparseFileStorage(FileStorage file)
    {
        _file = file;

        // Behind the end there is nothing to lose, and the length stays.
        CanDiscard = !file.IsReadOnly && FileRange.TryPunchHole(file.Handle, file.Length, ProbeLength);
    }

    /// <inheritdoc/>
    public long Length => _file.Length;

    /// <inheritdoc/>
    public bool IsReadOnly => _file.IsReadOnly;

    /// <summary>The image's file system has holes, and the image may be written.</summary>
    public bool CanDiscard { get; }

    /// <summary>Makes a new image that reads as zeroes and takes up no room yet, and opens it.</summary>
    /// <param name="path">The file, which does not exist.</param>
    /// <param name="length">Bytes, a multiple of 512, at least 512.</param>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is no such.</exception>
    /// <exception cref="IOException">The file exists, or the host cannot make it.</exception>
    public static SparseFileStorage Create(string path, long length) => new(CheckSystem(() => FileStorage.Create(path, length)));

    /// <summary>Makes the file longer or shorter; <see cref="BlockDevice.UpdateCapacity"/> then tells the guest. What is cut off is lost.</summary>
    /// <param name="length">Bytes, a multiple of 512, at least 512.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is no such.</exception>
    /// <exception cref="IOException">The host cannot.</exception>
    /// <exception cref="UnauthorizedAccessException">The image was opened read-only.</exception>
    public void SetLength(long length) => _file.SetLength(length);

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination) => _file.Read(offset, destination);

    /// <inheritdoc/>
    public void Write(long offset, ReadOnlySpan<byte> source) => _file.Write(offset, source);

    /// <inheritdoc/>
    public void Read(long offset, WritableBuffers destination) => _file.Read(offset, destination);

    /// <inheritdoc/>
    public void Write(long offset, ReadableBuffers source) => _file.Write(offset, source);

    /// <inheritdoc/>
    public void Flush() => _file.Flush();

    /// <inheritdoc/>
    public void Discard(long offset, long length)
    {
        SafeFileHandle handle = _file.GetHandleFor(offset, length);
        if (length > 0 && CanDiscard)
        {
            FileRange.TryPunchHole(handle, offset, length);
        }
    }

    /// <inheritdoc/>
    public void WriteZeroes(long offset, long length, bool mayDiscard)
    {
        SafeFileHandle handle = _file.GetHandleFor(offset, length);
        if (length == 0 || (mayDiscard && CanDiscard && FileRange.TryPunchHole(handle, offset, length)))
        {
            return;
        }

        if (_canZero)
        {
            _canZero = FileRange.TryZero(handle, offset, length);
        }

        if (!_canZero)
        {
            ((IBlockStorage)_file).WriteZeroes(offset, length, mayDiscard);
        }
    }

    /// <summary>Closes the file. What was not flushed stays with the host, which writes it in its own time.</summary>
    public void Dispose() => _file.Dispose();

    private static FileStorage CheckSystem(Func<FileStorage> open) => OperatingSystem.IsLinux()
        ? open()
        : throw new PlatformNotSupportedException($"{nameof(SparseFileStorage)} calls Linux. Use {nameof(FileStorage)} on other systems; it does not give back what guests discard.");
}
