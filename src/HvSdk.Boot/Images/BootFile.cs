namespace HvSdk.Boot;

/// <summary>The bytes of a kernel, an initrd or a module: in a file, in memory, or from a stream. Read at any place; any thread.</summary>
public abstract class BootFile : IDisposable
{
    private protected BootFile(string name, long length)
    {
        Name = name;
        Length = length;
    }

    /// <summary>Its name for people: the path of a file.</summary>
    public string Name { get; }

    /// <summary>How many bytes it has.</summary>
    public long Length { get; }

    /// <summary>Opens a file; it stays open until the object is disposed of.</summary>
    /// <param name="path">The path.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static BootFile Open(string path) => DiskBootFile.Open(path);

    /// <summary>Takes bytes in memory; they are not copied.</summary>
    /// <param name="content">The bytes.</param>
    /// <param name="name">A name for people.</param>
    public static BootFile FromMemory(ReadOnlyMemory<byte> content, string name = "memory") => new MemoryBootFile(content, name);

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="stream">The stream; it stays open.</param>
    /// <param name="name">A name for people.</param>
    /// <param name="maxLength">More bytes than this are an error.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="BootImageException">The stream has more bytes than that.</exception>
    public static async Task<BootFile> FromStreamAsync(
        Stream stream, string name = "stream", long maxLength = int.MaxValue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var copy = new MemoryStream();
        byte[] buffer = new byte[81920];
        int count;
        while ((count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            if (copy.Length + count > maxLength)
            {
                throw new BootImageException(name, "length", copy.Length, $"more than {maxLength} bytes", $"at most {maxLength} bytes");
            }

            copy.Write(buffer, 0, count);
        }

        return FromMemory(copy.ToArray(), name);
    }

    /// <summary>Reads bytes.</summary>
    /// <param name="offset">Where in the file.</param>
    /// <param name="destination">Gets the bytes.</param>
    /// <returns>How many there were: fewer than asked for at the end of the file.</returns>
    public abstract int Read(long offset, Span<byte> destination);

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    private protected virtual void Close()
    {
    }
}
