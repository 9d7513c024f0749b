using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Linux's virtio-net driver and the network device: two guests on a cable.</summary>
public sealed class VirtioNetworkTests
{
    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task TwoGuests_OnACable_PingEachOtherAndExchangeBytes(VirtioTransport transport)
    {
        var cable = new NetworkPair();
        NetworkDevice first = new(cable.First);
        NetworkDevice second = new(cable.Second);
        Task<(GuestReport, MachineEnd)> other = LinuxGuest.RunAsync(Describe(first, 1));

        (GuestReport ofSecond, _) = await LinuxGuest.RunAsync(Describe(second, 2));
        (GuestReport ofFirst, _) = await other;

        Assert.Equal((20, 20), (ofFirst.Number("net_ping"), ofSecond.Number("net_ping")));
        Assert.Equal(ofFirst["net_sent"], ofSecond["net_received"]);
        Assert.Equal(ofSecond["net_sent"], ofFirst["net_received"]);
        Assert.True(second.Statistics.BytesReceived > 8 << 20);
        Assert.Null(first.Fault);
        Assert.Null(second.Fault);

        GuestDescription Describe(NetworkDevice device, int number) => new()
        {
            Transport = transport,
            Actions = $"net={number}",
            VirtioDevices = () => [device],
        };
    }
}
