using System.Net.Sockets;
using HvSdk.Devices.Virtio;
using HvSdk.Devices.Virtio.Linux;
using HvSdk.VirtualMachines;

namespace HvSdk.Samples.BootGuest;

/// <summary>The guest's paravirtual devices, and what of the host they stand on: opened before the machine is built, closed after it has ended.</summary>
internal sealed class GuestDevices : IDisposable
{
    private readonly List<VirtioDevice> _devices = [];
    private readonly List<IDisposable> _open = [];

    /// <summary>Opens all that the command line asks for.</summary>
    /// <exception cref="ArgumentException">An option is not what it should be; the text says what that is.</exception>
    public static GuestDevices Open(GuestOptions options)
    {
        var devices = new GuestDevices();
        try
        {
            foreach (string disk in options.Disks)
            {
                devices.Add(new BlockDevice(devices.Keep(OpenDisk(disk))));
            }

            foreach (string network in options.Networks)
            {
                devices.Add(new NetworkDevice(devices.OpenNetwork(network, out NetworkDeviceOptions card), card));
            }

            foreach (string share in options.Shares)
            {
                devices.Add(new FileSystemDevice(TagOf(share), devices.Keep(OpenFolder(share)).Root));
            }

            if (options.Vsock is { } vsock)
            {
                devices.Add(devices.Keep(VsockForwarder.Open(vsock)).Device);
            }

            return devices;
        }
        catch
        {
            devices.Dispose();
            throw;
        }
    }

    /// <summary>What <see cref="Open"/> may throw where the host does not have what was asked for.</summary>
    public static bool IsRefusal(Exception e) => e is IOException or UnauthorizedAccessException or ArgumentException or SocketException or PlatformNotSupportedException;

    public void AddTo(VirtualMachineBuilder builder) => _devices.ForEach(device => builder.AddVirtio(device));

    public void Dispose()
    {
        foreach (IDisposable open in Enumerable.Reverse(_open))
        {
            open.Dispose();
        }
    }

    /// <summary>A raw file, read-only where ",ro" follows its name.</summary>
    private static FileStorage OpenDisk(string disk)
    {
        string file = WithoutReadOnly(disk, out bool isReadOnly);
        return new FileStorage(file, isReadOnly);
    }

    private static string TagOf(string share) => share.Split('=', 2) is [{ Length: > 0 } tag, { Length: > 0 }]
        ? tag
        : throw new ArgumentException($"--share {share}: write TAG=DIR, or TAG=DIR,ro.");

    /// <summary>TAG=DIR, read-only where ",ro" follows.</summary>
    private static HostDirectory OpenFolder(string share)
    {
        string folder = WithoutReadOnly(share[(share.IndexOf('=', StringComparison.Ordinal) + 1)..], out bool isReadOnly);
        return OperatingSystem.IsLinux()
            ? new HostDirectory(folder, new HostDirectoryOptions { IsWritable = !isReadOnly })
            : throw new ArgumentException($"--share {share}: folders of the host can be shared on Linux.");
    }

    private static string WithoutReadOnly(string path, out bool isReadOnly)
    {
        const string readOnly = ",ro";
        isReadOnly = path.EndsWith(readOnly, StringComparison.Ordinal);
        return isReadOnly ? path[..^readOnly.Length] : path;
    }

    /// <summary>passt:SOCKET, or tap:NAME.</summary>
    private INetworkBackend OpenNetwork(string network, out NetworkDeviceOptions card)
    {
        const int passtMtu = 65520; // what passt takes, and few frames for many bytes
        string[] parts = network.Split(':', 2);
        if (parts is ["passt", { Length: > 0 } socket])
        {
            card = new NetworkDeviceOptions { Mtu = passtMtu };
            return Keep(StreamNetwork.Connect(socket));
        }

        if (parts is ["tap", { Length: > 0 } name] && OperatingSystem.IsLinux())
        {
            card = new NetworkDeviceOptions();
            return Keep(TapNetwork.Open(name));
        }

        throw new ArgumentException($"--net {network}: write passt:SOCKET, the path where passt listens ('passt --socket PATH'), or, on Linux, tap:NAME, an interface.");
    }

    private T Keep<T>(T opened)
        where T : IDisposable
    {
        _open.Add(opened);
        return opened;
    }

    private void Add(VirtioDevice device) => _devices.Add(device);
}
