namespace HvSdk.Devices.Virtio.Linux;

/// <summary>A directory of this host that a guest mounts through a <see cref="FileSystemDevice"/>, and never leaves. Linux 5.8 or later.</summary>
/// <remarks>
/// <para>The directory, and each node of it that the guest knows, is held by a descriptor, and all that the guest asks for is done relative to one. There is no path that
/// somebody could bend between a check and a use: no "..", no link and no renamed directory leads out. Symbolic links are texts to the guest, which follows them within its
/// own name space. Named pipes, devices and sockets are seen and not opened.</para>
/// <para>Somebody on the host who moves a directory out of the tree hands it to the guests that know it: they are in it until they forget it. Hard links to files
/// outside are files of the tree.</para>
/// <para>The host's kernel checks each access with the rights of this process: the whole guest is that one user. Locks are the guest's own, and do not hold off the host or another
/// guest. There are no extended attributes.</para>
/// <para>Give each device an object of its own; any number may share one directory. Dispose of it after the machine.</para>
/// </remarks>
/// <example>
/// <code>
/// using var input = new HostDirectory("/srv/jobs/17/input");
/// builder.AddVirtio(new FileSystemDevice("input", input.Root));
/// </code>
/// </example>
public sealed class HostDirectory : IDisposable
{
    private readonly HostTree _tree;

    /// <summary>Opens a directory.</summary>
    /// <param name="path">The directory. Symbolic links on the way to it are followed, this once.</param>
    /// <param name="options">Choices; null: the defaults, which let guests look and not touch.</param>
    /// <exception cref="ArgumentException">The path is empty, or has a NUL.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such directory.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be opened.</exception>
    /// <exception cref="IOException">It failed otherwise.</exception>
    /// <exception cref="PlatformNotSupportedException">This is no Linux, an older one, or one without /proc.</exception>
    public HostDirectory(string path, HostDirectoryOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new HostDirectoryOptions();
        options.Validate();
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("The path of a directory has no NUL.", nameof(path));
        }

        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess)
        {
            throw new PlatformNotSupportedException($"{nameof(HostDirectory)} needs Linux on a 64-bit processor. Elsewhere make a tree of your own with {nameof(SharedNode)}, or use {nameof(MemoryTree)}.");
        }

        Path = path;
        _tree = new HostTree(HostTreeOpening.Open(path), HostTreeOpening.OpenDescriptors(), options);
    }

    /// <summary>The path that it was opened by.</summary>
    public string Path { get; }

    /// <summary>The directory, for <see cref="FileSystemDevice"/>.</summary>
    public SharedNode Root => _tree.Root;

    /// <summary>Descriptors that the guest takes up now. Any thread may read.</summary>
    public int Handles => _tree.Handles;

    /// <summary>Bytes that guests have written since the object was made, as <see cref="HostDirectoryOptions.MaxWrittenBytes"/> counts them. Any thread may read.</summary>
    public long WrittenBytes => _tree.WrittenBytes;

    /// <summary>Lets go of the directory. A guest that still has it mounted gets errors.</summary>
    public void Dispose() => _tree.Dispose();
}
