using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using HvSdk.Devices.Virtio.Linux;
using HvSdk.Live;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>A tap interface of this machine, with an address and up: what root does beside <see cref="TapNetwork.Open"/>.</summary>
[SupportedOSPlatform("linux")]
internal static class HostInterface
{
    public const string Address = "10.8.0.1";
    public const string GuestAddress = "10.8.0.2";

    private const string Tier = "guests";

    /// <summary>Makes a tap, or skips the test where this machine has no tun driver or this user may not.</summary>
    public static async Task<TapNetwork> OpenAsync(TapNetworkOptions? options = null)
    {
        TapNetwork network;
        try
        {
            network = TapNetwork.Open("hvsdk%d", options);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LiveHypervisor.SkipOrFail(Tier, e.Message);
            throw;
        }

        await RunIpAsync("address", "add", $"{Address}/24", "dev", network.Name);
        await RunIpAsync("link", "set", network.Name, "up");
        return network;
    }

    /// <summary>A server that guests reach by the interface.</summary>
    public static TcpListener Listen()
    {
        var server = new TcpListener(IPAddress.Parse(Address), 0);
        server.Start();
        return server;
    }

    public static async Task RunIpAsync(params string[] arguments)
    {
        CommandResult result = await Command.RunAsync(new ProcessStartInfo("ip", arguments), Limit.Value);
        Assert.True(result.ExitCode == 0, result.ToString());
    }
}
