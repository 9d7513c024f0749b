using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using HvSdk.Live;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>Random bytes over a TCP connection with a guest, which uses nc, and their checksums on both sides. Where both send, the host ends the connection, once it has received all.</summary>
internal static class TcpExchange
{
    private const int Length = 2 << 20;
    private const string PrintSums = "for file in sent received; do sha256sum </tmp/$file | cut -c1-64; done";

    // An input without an end: a connection whose other side sends alone.
    private const string NoInput = "<>/tmp/quiet";
    private static readonly string s_makeBytes = $"head -c {Length} /dev/urandom >/tmp/sent; [ -e /tmp/quiet ] || mkfifo /tmp/quiet";

    // The guest's side stays open until the host's has ended: then its nc ends at once, whatever it has not sent yet.
    private const string SendAndWait = "rm -f /tmp/ended; { cat /tmp/sent; until [ -e /tmp/ended ]; do sleep 0.1; done; } |";

    /// <summary>The guest connects to an address and a port, and a server of the host's is there.</summary>
    public static async Task FromGuestAsync(GuestShell shell, string address, TcpListener server, TcpDirection direction = TcpDirection.Both)
    {
        Task<Socket> accepted = server.AcceptSocketAsync();
        Task<string> said = shell.RunAsync($"{s_makeBytes}; {Nc($"{address} {((IPEndPoint)server.LocalEndpoint).Port}", direction)}; {PrintSums}");
        AssertSame(await RunAsync(await accepted.WaitAsync(Limit.Value), direction), await said, direction);
    }

    /// <summary>The guest listens, and the host connects to where that is.</summary>
    public static async Task FromHostAsync(GuestShell shell, IPEndPoint guest, TcpDirection direction = TcpDirection.Both)
    {
        await shell.RunAsync($"{s_makeBytes}; {Nc($"-l -p {guest.Port}", direction)} &");
        await shell.RunAsync($"until grep -qs ':{guest.Port:X4} .* 0A ' /proc/net/tcp*; do sleep 0.1; done");
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(guest).WaitAsync(Limit.Value);
        (string Sent, string Received) sums = await RunAsync(socket, direction);
        AssertSame(sums, await shell.RunAsync($"wait; {PrintSums}"), direction);
    }

    private static string Nc(string arguments, TcpDirection direction)
    {
        string input = direction.HasFlag(TcpDirection.ToHost) ? "</tmp/sent" : NoInput;
        return direction == TcpDirection.Both ? $"{SendAndWait} {{ nc {arguments} >/tmp/received; touch /tmp/ended; }}" : $"nc {arguments} {input} >/tmp/received";
    }

    /// <summary>The host's side of a connection.</summary>
    /// <returns>The sums of what was sent and what was received.</returns>
    private static async Task<(string Sent, string Received)> RunAsync(Socket socket, TcpDirection direction)
    {
        using (socket)
        {
            await using var stream = new NetworkStream(socket);
            byte[] sent = RandomNumberGenerator.GetBytes(Length);
            Task sending = direction.HasFlag(TcpDirection.ToGuest) ? SendAsync(stream, sent) : Task.CompletedTask;
            using var received = new MemoryStream();
            if (direction == TcpDirection.Both)
            {
                byte[] all = new byte[Length];
                await stream.ReadExactlyAsync(all).AsTask().WaitAsync(Limit.Value);
                received.Write(all);
                await sending.WaitAsync(Limit.Value);
                socket.Shutdown(SocketShutdown.Send);
            }

            await stream.CopyToAsync(received).WaitAsync(Limit.Value);
            await sending.WaitAsync(Limit.Value);
            return (Sum(sent), Sum(received.ToArray()));
        }

        async Task SendAsync(NetworkStream stream, byte[] bytes)
        {
            await stream.WriteAsync(bytes);
            if (direction != TcpDirection.Both)
            {
                socket.Shutdown(SocketShutdown.Send);
            }
        }
    }

    /// <summary>Compares them with what the guest printed last.</summary>
    private static void AssertSame((string Sent, string Received) host, string guest, TcpDirection direction)
    {
        string[] sums = [.. guest.Split('\n').Where(static line => line.Length == SHA256.HashSizeInBytes * 2 && line.All(char.IsAsciiHexDigit))]; // the shell speaks of its jobs, too
        Assert.Equal(2, sums.Length);
        if (direction.HasFlag(TcpDirection.ToHost))
        {
            Assert.Equal(host.Received, sums[0]);
        }

        if (direction.HasFlag(TcpDirection.ToGuest))
        {
            Assert.Equal(host.Sent, sums[1]);
        }
    }

    private static string Sum(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

/// <summary>Who sends.</summary>
[Flags]
internal enum TcpDirection
{
    ToHost = 1,
    ToGuest = 2,
    Both = ToHost | ToGuest,
}
