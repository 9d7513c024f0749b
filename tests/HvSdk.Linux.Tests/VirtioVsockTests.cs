using System.Security.Cryptography;
using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Linux's own vsock driver and the socket device: connections both ways, and a guest's web server without a network.</summary>
public sealed class VirtioVsockTests
{
    private const uint Port = 1024;
    private const int Length = 4 << 20;

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Sockets_BothWays_CarryAllBytes(VirtioTransport transport)
    {
        VsockDevice device = null!;
        VsockListener listener = null!;
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription
        {
            Transport = transport,
            Actions = $"vsock={Port}",
            VirtioDevices = () =>
            {
                device = new VsockDevice();
                listener = device.Listen(Port);
                return [device];
            },
        });

        await Exchange(await listener.AcceptAsync().AsTask().WaitAsync(Limit.Value));
        await guest.Console.ReadToAsync("HVSDK vsock=ready");
        await Exchange(await device.ConnectAsync(Port).AsTask().WaitAsync(Limit.Value));
        Assert.Equal(VsockError.Refused, (await Assert.ThrowsAsync<VsockException>(() => device.ConnectAsync(9).AsTask().WaitAsync(Limit.Value))).Error);
        string page = await GetPage(device);
        Assert.Equal(string.Concat(Enumerable.Range(1, 20_000).Select(static number => $"{number}\n")), page);
        await Exchange(await device.ConnectAsync(Port).AsTask().WaitAsync(Limit.Value));
        await SeeReset(await listener.AcceptAsync().AsTask().WaitAsync(Limit.Value));
        await Exchange(await listener.AcceptAsync().AsTask().WaitAsync(Limit.Value));

        GuestReport report = await guest.ReadReportAsync();
        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
        Assert.Equal($"{Length} {Length}", report["vsock_served"].Trim());
        Assert.Equal("0", report["vsock_held"]);
        Assert.Equal($"{Length}", report["vsock_again"]);
        Assert.Null(device.Fault);
        Assert.Equal(0, device.ConnectionCount);
        Assert.Equal(0, device.PacketsDropped);
    }

    private static async Task<string> GetPage(VsockDevice device)
    {
        using var handler = new SocketsHttpHandler { ConnectCallback = async (_, token) => (await device.ConnectAsync(80, token)).AsStream() };
        using var http = new HttpClient(handler) { Timeout = Limit.Value };
        return await http.GetStringAsync(new Uri("http://guest/numbers"));
    }

    /// <summary>The driver goes under it, once the guest has heard by a byte that it was accepted: a connection that waits to be goes silently.</summary>
    private static async Task SeeReset(VsockConnection connection)
    {
        await using (connection)
        {
            await connection.Output.WriteAsync(new byte[1]);
            VsockException e = await Assert.ThrowsAsync<VsockException>(() => connection.Input.ReadAsync().AsTask().WaitAsync(Limit.Value));
            Assert.Equal(VsockError.DeviceReset, e.Error);
        }
    }

    /// <summary>Sends bytes that the guest gives back, ends the sending, and sees the guest's end behind them.</summary>
    private static async Task Exchange(VsockConnection connection)
    {
        await using (connection)
        {
            byte[] sent = RandomNumberGenerator.GetBytes(Length);
            Task sending = Send(connection, sent);
            using var received = new MemoryStream();
            await connection.Input.CopyToAsync(received).WaitAsync(Limit.Value);
            await sending.WaitAsync(Limit.Value);
            Assert.Equal(Convert.ToHexString(SHA256.HashData(sent)), Convert.ToHexString(SHA256.HashData(received.ToArray())));
        }
    }

    private static async Task Send(VsockConnection connection, byte[] bytes)
    {
        await connection.Output.WriteAsync(bytes);
        await connection.Output.CompleteAsync();
    }
}
