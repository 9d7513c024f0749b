using HvSdk.Devices.Virtio;
using HvSdk.Devices.Virtio.Linux;

namespace HvSdk.Samples.BootGuest;

/// <summary>Folders of the host that the guest mounts by their tags.</summary>
internal sealed class GuestShares : IDisposable
{
    private const string ReadOnly = ",ro";

    private readonly List<HostDirectory> _directories = [];

    /// <summary>Opens them.</summary>
    /// <param name="shares">Each TAG=DIR, or TAG=DIR,ro.</param>
    public GuestShares(IEnumerable<string> shares)
    {
        try
        {
            foreach (string share in shares)
            {
                string[] parts = share.Split('=', 2);
                if (parts.Length != 2)
                {
                    throw new ArgumentException($"'{share}' is no share. Write TAG=DIR, or TAG=DIR,ro.");
                }

                bool isReadOnly = parts[1].EndsWith(ReadOnly, StringComparison.Ordinal);
                _directories.Add(new HostDirectory(isReadOnly ? parts[1][..^ReadOnly.Length] : parts[1], new HostDirectoryOptions { IsWritable = !isReadOnly }));
                Devices.Add(new FileSystemDevice(parts[0], _directories[^1].Root));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A device for each.</summary>
    public List<FileSystemDevice> Devices { get; } = [];

    public void Dispose() => _directories.ForEach(static directory => directory.Dispose());
}
