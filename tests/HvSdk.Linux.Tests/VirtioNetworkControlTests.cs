using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using HvSdk.Devices.Virtio;
using HvSdk.Devices.Virtio.Linux;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>What Linux's driver asks of a network device by its control queue, and what happens to traffic when driver or machine stop in its midst.</summary>
[SupportedOSPlatform("linux")]
public sealed class VirtioNetworkControlTests
{
    private static readonly IPEndPoint s_guest = new(IPAddress.Parse(HostInterface.GuestAddress), 5001);

    [Fact]
    public async Task Driver_WithTwoProcessors_UsesTwoPairsOfQueuesAndFewerOnRequest()
    {
        using TapNetwork network = await HostInterface.OpenAsync(new TapNetworkOptions { Queues = 2 });
        var device = new NetworkDevice(network, new NetworkDeviceOptions { QueuePairs = 2 });
        await using LinuxGuest guest = await BootAsync(device, processors: 2);
        var shell = new GuestShell(guest);
        await shell.StartAsync();

        Assert.Equal("rx-0 rx-1 tx-0 tx-1", await shell.RunAsync("cd /sys/class/net/eth0/queues; echo *; cd /"));
        Assert.Equal(2, device.ActiveQueuePairs);
        using TcpListener server = HostInterface.Listen();
        await TcpExchange.FromGuestAsync(shell, HostInterface.Address, server);

        Assert.Equal("", await shell.RunAsync("ethtool channels eth0 1"));
        Assert.Equal(1, device.ActiveQueuePairs);
        await TcpExchange.FromHostAsync(shell, s_guest);
        Assert.Equal("", await shell.RunAsync("ethtool channels eth0 2"));
        Assert.Equal(2, device.ActiveQueuePairs);
        await TcpExchange.FromGuestAsync(shell, HostInterface.Address, server);
        Assert.Null(device.Fault);
    }

    [Fact]
    public async Task Driver_ByItsControlQueue_SetsAddressModesAndOffloads()
    {
        using TapNetwork network = await HostInterface.OpenAsync();
        var device = new NetworkDevice(network, new NetworkDeviceOptions { Mtu = 9000, Speed = 10_000 });
        await using LinuxGuest guest = await BootAsync(device);
        var shell = new GuestShell(guest);
        await shell.StartAsync();
        Assert.Equal("9000 10000 full", await shell.RunAsync("cd /sys/class/net/eth0; echo $(cat mtu speed duplex); cd /"));
        await HostInterface.RunIpAsync("link", "set", network.Name, "mtu", "9000");

        // Without its filter's consent the guest sees nothing that is not for it.
        Assert.Equal("", await shell.RunAsync("ip link set eth0 promisc on; ip link set eth0 promisc off"));
        Assert.Equal("", await shell.RunAsync("ip link set eth0 address 02:00:00:00:12:34"));
        Assert.Equal("02:00:00:00:12:34", device.MacAddress.ToString().Replace('-', ':').ToLowerInvariant());
        Assert.Equal("", await shell.RunAsync("ethtool feature eth0 rx-gro-hw off"));
        long before = device.Statistics.FramesReceived;
        using TcpListener server = HostInterface.Listen();
        await TcpExchange.FromGuestAsync(shell, HostInterface.Address, server);

        // The host's kernel still hands in large pieces, which the device now cuts.
        Assert.True(device.Statistics.FramesReceived - before > (2 << 20) / 9000, $"{device.Statistics.FramesReceived - before} frames");
        Assert.Equal("", await shell.RunAsync("ethtool feature eth0 rx-gro-hw on"));
        await TcpExchange.FromGuestAsync(shell, HostInterface.Address, server);
        Assert.Null(device.Fault);
        Assert.Equal(0, device.Statistics.Malformed);
    }

    [Fact]
    public async Task Link_PulledAndPutBack_IsTheGuestsCarrierAndAnnounced()
    {
        using TapNetwork network = await HostInterface.OpenAsync();
        var device = new NetworkDevice(network);
        await using LinuxGuest guest = await BootAsync(device);
        var shell = new GuestShell(guest);
        await shell.StartAsync();

        foreach (bool isUp in (bool[])[false, true])
        {
            device.IsLinkUp = isUp;
            await shell.RunAsync($"until [ $(cat /sys/class/net/eth0/carrier) = {(isUp ? 1 : 0)} ]; do sleep 0.1; done");
        }

        Assert.Contains("5 packets received", await shell.RunAsync($"ping -c 5 -i 0.1 {HostInterface.Address}"), StringComparison.Ordinal);

        // The guest says where it is by itself then, and hears nothing of it.
        long sent = device.Statistics.FramesSent;
        device.Announce();
        Assert.True(device.IsAnnouncing || device.Statistics.FramesSent > sent);
        await GuestWait.UntilAsync(() => !device.IsAnnouncing && device.Statistics.FramesSent > sent, "the guest to announce itself");
        Assert.Null(device.Fault);
    }

    [Fact]
    public async Task Driver_UnboundAndBoundUnderTraffic_WorksAgain()
    {
        using TapNetwork network = await HostInterface.OpenAsync();
        var device = new NetworkDevice(network);
        await using LinuxGuest guest = await BootAsync(device);
        var shell = new GuestShell(guest);
        await shell.StartAsync();
        using TcpListener server = HostInterface.Listen();
        using var flood = new UdpClient();
        byte[] datagram = new byte[1400];
        using var end = new CancellationTokenSource();
        Task flooding = Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                await flood.SendAsync(datagram, s_guest);
                await Task.Delay(1);
            }
        });

        for (int i = 0; i < 3; i++)
        {
            await shell.RunAsync($"ping -i 0.01 -s 1400 {HostInterface.Address} >/dev/null &");
            await shell.RunAsync(
                $"d=$(basename $(readlink /sys/class/net/eth0/device)); cd /sys/bus/virtio/drivers/virtio_net; echo $d >unbind; echo $d >bind; cd /; "
                + $"ip address add {HostInterface.GuestAddress}/24 dev eth0; ip link set eth0 up");
        }

        await TcpExchange.FromGuestAsync(shell, HostInterface.Address, server);
        await end.CancelAsync();
        await flooding;
        Assert.Null(device.Fault);
    }

    [Fact]
    public async Task Machine_PausedUnderTraffic_GoesOnWithoutALoss()
    {
        using TapNetwork network = await HostInterface.OpenAsync();
        var device = new NetworkDevice(network);
        await using LinuxGuest guest = await BootAsync(device);
        var shell = new GuestShell(guest);
        await shell.StartAsync();
        using TcpListener server = HostInterface.Listen();

        Task exchange = TcpExchange.FromGuestAsync(shell, HostInterface.Address, server);
        for (int i = 0; i < 5; i++)
        {
            long before = device.Statistics.BytesSent;
            while (device.Statistics.BytesSent < before + (256 << 10) && !exchange.IsCompleted)
            {
                await Task.Delay(10);
            }

            await guest.Machine.PauseAsync().WaitAsync(Limit.Value);
            long still = device.Statistics.BytesSent + device.Statistics.BytesReceived;
            await Task.Delay(200);
            Assert.Equal(still, device.Statistics.BytesSent + device.Statistics.BytesReceived);
            await guest.Machine.ResumeAsync().WaitAsync(Limit.Value);
        }

        await exchange;
        Assert.Null(device.Fault);
    }

    private static Task<LinuxGuest> BootAsync(NetworkDevice device, int processors = 1) =>
        LinuxGuest.BootAsync(new GuestDescription
        {
            Transport = VirtioTransport.Pci,
            Processors = processors,
            Actions = $"ether={HostInterface.GuestAddress}/24,shell",
            VirtioDevices = () => [device],
        });
}
