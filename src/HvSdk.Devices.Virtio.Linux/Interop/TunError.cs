using System.ComponentModel;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>What the tun driver refuses, as exceptions that say what to do.</summary>
internal static class TunError
{
    public static Exception OfOpen(int error) => error switch
    {
        Tun.ENOENT or Tun.ENODEV or Tun.ENXIO => new IOException(
            $"There is no {Tun.DevicePath}: the kernel's tun module is not loaded ('modprobe tun' as root), or a container has not been given the device ('--device {Tun.DevicePath}').", error),
        Tun.EACCES or Tun.EPERM => new UnauthorizedAccessException(
            $"{Tun.DevicePath} may not be opened: {Text(error)}. Give this user read and write access to it (most systems give it to everybody: mode 0666); a container may need it allowed as a device."),
        _ => Of("open", Tun.DevicePath, error),
    };

    public static Exception OfAttach(string name, bool isMultiQueue, int error) => error switch
    {
        Tun.EPERM or Tun.EACCES => new UnauthorizedAccessException(
            $"The tap interface '{name}' may not be made or joined: {Text(error)}. Have root make it for this user ('ip tuntap add dev {name} mode tap user NAME{(isMultiQueue ? " multi_queue" : "")}'), "
            + "or run with the capability CAP_NET_ADMIN."),
        Tun.EBUSY => new IOException($"The tap interface '{name}' is in use by another process, or another {nameof(TapNetwork)}. Take another name, or end the other.", error),
        Tun.E2BIG => new IOException($"The tap interface '{name}' has no room for further queues. Ask for fewer ({nameof(TapNetworkOptions)}.{nameof(TapNetworkOptions.Queues)}).", error),
        LibC.EINVAL => new IOException(
            $"The interface '{name}' is no tap, or it was made {(isMultiQueue ? "for one queue and several are asked for" : "for several queues and one is asked for")}. Make it anew "
            + $"('ip tuntap add dev {name} mode tap{(isMultiQueue ? " multi_queue" : "")}'), or change {nameof(TapNetworkOptions)}.{nameof(TapNetworkOptions.Queues)}.",
            error),
        _ => Of(nameof(Tun.TUNSETIFF), name, error),
    };

    public static IOException Of(string operation, string name, int error) => new($"{operation} of '{name}' failed: {Text(error)}.", error);

    public static string Text(int error) => $"{new Win32Exception(error).Message} ({error})";
}
