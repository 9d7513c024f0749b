using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Linux.Tests.FileSystem;

/// <summary>A directory that a guest has mounted, and beside it one that it shall never reach.</summary>
internal sealed class SharedFolder : IDisposable
{
    public const string Secret = "what no guest may read";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-share-");

    public SharedFolder(HostDirectoryOptions? options = null, Action<SharedFolder>? prepare = null)
    {
        Directory.CreateDirectory(Inside);
        Directory.CreateDirectory(Outside);
        File.WriteAllText(OutsideFile, Secret);
        prepare?.Invoke(this);
        Tree = new HostDirectory(Inside, options ?? new HostDirectoryOptions { IsWritable = true });
        Device = new FileSystemDevice("share", Tree.Root);
        Client = new FuseClient(Device);
    }

    public string Inside => Path.Combine(_folder.FullName, "inside");

    public string Outside => Path.Combine(_folder.FullName, "outside");

    public string OutsideFile => Path.Combine(Outside, "file");

    public HostDirectory Tree { get; }

    public FileSystemDevice Device { get; }

    public FuseClient Client { get; }

    public string this[string name] => Path.Combine(Inside, name);

    /// <summary>Outside is as it was, and the tree has thrown nothing.</summary>
    public void AssertUntouched()
    {
        Assert.Equal(Secret, File.ReadAllText(OutsideFile));
        Assert.Equal([OutsideFile], Directory.GetFileSystemEntries(Outside));
        Assert.Null(Device.Counters.LastFailure);
    }

    public void Dispose()
    {
        Client.Dispose();
        Tree.Dispose();
        _folder.Delete(recursive: true);
    }
}
