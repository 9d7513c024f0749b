using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>HTTP without a network.</summary>
public sealed class VsockHttpTests
{
    [Fact]
    public async Task HttpClient_OverAConnection_GetsTheGuestsPages()
    {
        using var guest = new VsockPeer();
        guest.Listen(80, ServePages);
        using var handler = new SocketsHttpHandler { ConnectCallback = async (_, token) => (await guest.Device.ConnectAsync(80, token)).AsStream() };
        using var http = new HttpClient(handler) { Timeout = VsockBench.Limit };

        for (int i = 0; i < 20; i++)
        {
            string page = await http.GetStringAsync($"http://guest/page/{i}");
            Assert.Equal($"GET /page/{i} HTTP/1.1", page[..page.IndexOf('\r')]);
            Assert.Equal(100_000, page.Length);
        }

        Assert.Equal(1, guest.Device.ConnectionCount); // kept alive, as over TCP
    }

    [Fact]
    public async Task HttpClient_InTheGuest_GetsKestrelsPages()
    {
        using var guest = new VsockPeer();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(new VsockEndPoint(80)));
        builder.Services.AddSingleton<IConnectionListenerFactory>(new VsockTransport(guest.Device));
        await using WebApplication application = builder.Build();
        application.Run(static async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await context.Response.WriteAsync($"{context.Request.Path} {body.Length}");
        });
        await application.StartAsync().WaitAsync(VsockBench.Limit);
        using (var handler = new SocketsHttpHandler { ConnectCallback = async (_, token) => await guest.ConnectAsync(80).WaitAsync(token) })
        using (var http = new HttpClient(handler) { Timeout = VsockBench.Limit })
        {
            string[] pages = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
            {
                using HttpResponseMessage response = await http.PostAsync($"http://host/{i}", new ByteArrayContent(new byte[i * 50_000]));
                return await response.Content.ReadAsStringAsync();
            }));
            Assert.Equal(Enumerable.Range(0, 20).Select(static i => $"/{i} {i * 50_000}"), pages);
        }

        await application.StopAsync().WaitAsync(VsockBench.Limit);
    }

    /// <summary>The least of a web server: each page tells what was asked for.</summary>
    private static async Task ServePages(Stream socket)
    {
        var request = new StringBuilder();
        byte[] bytes = new byte[4096];
        while (await socket.ReadAsync(bytes) is var read && read > 0)
        {
            request.Append(Encoding.ASCII.GetString(bytes, 0, read));
            if (request.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                string page = request.ToString().PadRight(100_000, '.');
                request.Clear();
                await socket.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {page.Length}\r\n\r\n{page}"));
            }
        }

        await socket.DisposeAsync();
    }
}
