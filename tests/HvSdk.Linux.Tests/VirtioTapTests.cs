using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using HvSdk.Devices.Virtio;
using HvSdk.Devices.Virtio.Linux;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>A guest on a tap interface of this machine.</summary>
[SupportedOSPlatform("linux")]
public sealed class VirtioTapTests
{
    private static readonly IPEndPoint s_guest = new(IPAddress.Parse(HostInterface.GuestAddress), 5001);

    [Theory]
    [InlineData(VirtioTransport.Mmio, NetworkOffloads.All)]
    [InlineData(VirtioTransport.Pci, NetworkOffloads.All)]
    [InlineData(VirtioTransport.Pci, NetworkOffloads.None)]
    public async Task Tap_WithAGuest_PingsAndExchangesBytesBothWays(VirtioTransport transport, NetworkOffloads offloads)
    {
        using TapNetwork network = await HostInterface.OpenAsync(new TapNetworkOptions { Offloads = offloads });
        var device = new NetworkDevice(network, new NetworkDeviceOptions { Offloads = offloads });
        await using LinuxGuest guest = await BootAsync(device, transport);
        var shell = new GuestShell(guest);
        await shell.StartAsync();

        Assert.Contains("20 packets received", await shell.RunAsync($"ping -c 20 -i 0.05 -s 1400 {HostInterface.Address}"), StringComparison.Ordinal);
        using TcpListener server = HostInterface.Listen();
        await TcpExchange.FromGuestAsync(shell, HostInterface.Address, server);
        await TcpExchange.FromHostAsync(shell, s_guest);

        await shell.ExitAsync();
        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
        Assert.Null(device.Fault);
        Assert.Equal(0, device.Statistics.Malformed);

        // With offloads most bytes come in pieces that are longer than a wire's frames.
        long perFrame = device.Statistics.BytesReceived / device.Statistics.FramesReceived;
        Assert.True(offloads == NetworkOffloads.None ? perFrame <= 1514 : perFrame > 1514, $"{perFrame} bytes in a frame");
        Assert.False(network.Completion.IsCompleted);
    }

    [Fact]
    public async Task Interface_DeletedUnderTraffic_TakesTheLinkDownAndTheGuestGoesOn()
    {
        using TapNetwork network = await HostInterface.OpenAsync();
        var device = new NetworkDevice(network);
        await using LinuxGuest guest = await BootAsync(device, VirtioTransport.Pci);
        var shell = new GuestShell(guest);
        await shell.StartAsync();
        await shell.RunAsync($"ping -i 0.01 -s 1400 {HostInterface.Address} >/dev/null &");

        await HostInterface.RunIpAsync("link", "set", network.Name, "down");
        await GuestWait.UntilAsync(() => network.Dropped > 0, "a frame of the guest's to be dropped");

        Assert.True(device.IsLinkUp);
        await HostInterface.RunIpAsync("link", "delete", network.Name);

        Assert.NotNull(await network.Completion.WaitAsync(Limit.Value));
        await shell.RunAsync("until [ $(cat /sys/class/net/eth0/carrier) = 0 ]; do sleep 0.1; done");
        await shell.ExitAsync();
        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
        Assert.Null(device.Fault);
    }

    private static Task<LinuxGuest> BootAsync(NetworkDevice device, VirtioTransport transport) =>
        LinuxGuest.BootAsync(new GuestDescription { Transport = transport, Actions = $"ether={HostInterface.GuestAddress}/24,shell", VirtioDevices = () => [device] });
}
