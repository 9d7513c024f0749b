using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using HvSdk.Live;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>Bytes both ways at once over a TCP connection with a guest, which uses nc, and their checksums on both sides.</summary>
internal static class TcpExchange
{
    private const int Length = 2 << 20;
    private const string PrintSums = "for file in sent received; do sha256sum </tmp/$file | cut -c1-64; done";
    private static readonly string s_makeBytes = $"head -c {Length} /dev/urandom >/tmp/sent";

    /// <summary>The guest connects to an address and a port, and a server of the host's is there.</summary>
    public static async Task FromGuestAsync(GuestShell shell, string address, TcpListener server)
    {
        Task<Socket> accepted = server.AcceptSocketAsync();
        Task<string> said = shell.RunAsync($"{s_makeBytes}; nc {address} {((IPEndPoint)server.LocalEndpoint).Port} </tmp/sent >/tmp/received; {PrintSums}");
        AssertSame(await RunAsync(await accepted.WaitAsync(Limit.Value)), await said);
    }

    /// <summary>The guest listens, and the host connects to where that is.</summary>
    public static async Task FromHostAsync(GuestShell shell, IPEndPoint guest)
    {
        // A job of the shell's reads from nowhere, were it not told to do otherwise.
        await shell.RunAsync($"{s_makeBytes}; nc -l -p {guest.Port} </tmp/sent >/tmp/received &");
        await shell.RunAsync($"until grep -qs ':{guest.Port:X4} .* 0A ' /proc/net/tcp*; do sleep 0.1; done");
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(guest).WaitAsync(Limit.Value);
        (string Sent, string Received) sums = await RunAsync(socket);
        AssertSame(sums, await shell.RunAsync($"wait; {PrintSums}"));
    }

    /// <summary>The host's side of a connection.</summary>
    /// <returns>The sums of what was sent and what was received.</returns>
    private static async Task<(string Sent, string Received)> RunAsync(Socket socket)
    {
        using (socket)
        {
            await using var stream = new NetworkStream(socket);
            byte[] sent = RandomNumberGenerator.GetBytes(Length);
            Task sending = SendAsync(stream, sent);
            using var received = new MemoryStream();
            await stream.CopyToAsync(received).WaitAsync(Limit.Value);
            await sending.WaitAsync(Limit.Value);
            return (Sum(sent), Sum(received.ToArray()));
        }

        async Task SendAsync(NetworkStream stream, byte[] bytes)
        {
            await stream.WriteAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
        }
    }

    /// <summary>Compares them with what the guest printed.</summary>
    private static void AssertSame((string Sent, string Received) host, string guest) => Assert.Equal($"{host.Received}\n{host.Sent}", string.Join('\n', guest.Trim().Split('\n')[^2..]));

    private static string Sum(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
