using System.Globalization;
using System.Net.Sockets;
using HvSdk.Devices.Virtio;

namespace HvSdk.Samples.BootGuest;

/// <summary>The guest's sockets to the host: what it connects to on a port of CID 2 comes out at a TCP service, so that a guest without a network reaches that one.</summary>
internal sealed class VsockForwarder : IDisposable
{
    private readonly CancellationTokenSource _end = new();

    private VsockForwarder(VsockDevice device)
    {
        Device = device;
    }

    public VsockDevice Device { get; }

    /// <summary>Reads CID[,PORT=HOST:PORT...], as 3,80=127.0.0.1:8080.</summary>
    public static VsockForwarder Open(string option)
    {
        string[] parts = option.Split(',');
        if (!uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint cid))
        {
            throw Wrong(option);
        }

        var forwarder = new VsockForwarder(new VsockDevice(new VsockDeviceOptions { GuestCid = cid }));
        foreach (string part in parts[1..])
        {
            string[] sides = part.Split('=', 2);
            int colon = sides[^1].LastIndexOf(':');
            if (sides.Length != 2 || colon < 1 || !uint.TryParse(sides[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint port)
                || !ushort.TryParse(sides[1].AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort target))
            {
                throw Wrong(option);
            }

            _ = forwarder.ServeAsync(forwarder.Device.Listen(port), sides[1][..colon], target);
        }

        return forwarder;
    }

    public void Dispose()
    {
        _end.Cancel();
        _end.Dispose();
    }

    private static ArgumentException Wrong(string option) => new($"--vsock {option}: write the guest's CID, from 3 on, and as many ports as you like: 3,80=127.0.0.1:8080.");

    private async Task ServeAsync(VsockListener listener, string host, int port)
    {
        await using (listener)
        {
            while (!_end.IsCancellationRequested)
            {
                try
                {
                    _ = ForwardAsync(await listener.AcceptAsync(_end.Token), host, port);
                }
                catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
                {
                    return;
                }
            }
        }
    }

    private static async Task ForwardAsync(VsockConnection connection, string host, int port)
    {
        await using (connection)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(host, port);
                await using NetworkStream stream = client.GetStream();
                Task toHost = SendAsync();
                await stream.CopyToAsync(connection.Output.AsStream(leaveOpen: true));
                await connection.Output.CompleteAsync();
                await toHost;

                async Task SendAsync()
                {
                    await connection.Input.CopyToAsync(stream);
                    client.Client.Shutdown(SocketShutdown.Send);
                }
            }
            catch (Exception e) when (e is IOException or SocketException or VsockException)
            {
                // Either side has gone; the other sees its connection end.
            }
        }
    }
}
