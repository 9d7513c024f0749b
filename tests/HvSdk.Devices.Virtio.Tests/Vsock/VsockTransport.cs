using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>A port that Kestrel can listen on.</summary>
internal sealed class VsockEndPoint(uint port) : EndPoint
{
    public uint Port => port;
}

/// <summary>What Kestrel needs to serve a guest.</summary>
internal sealed class VsockTransport(VsockDevice device) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is VsockEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult<IConnectionListener>(new Listener(endpoint, device.Listen(((VsockEndPoint)endpoint).Port)));

    private sealed class Listener(EndPoint endPoint, VsockListener listener) : IConnectionListener
    {
        public EndPoint EndPoint => endPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                return new Connection(await listener.AcceptAsync(cancellationToken));
            }
            catch (ObjectDisposedException)
            {
                return null; // the end of listening, to Kestrel
            }
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.DisposeAsync();

        public ValueTask DisposeAsync() => listener.DisposeAsync();
    }

    private sealed class Connection(VsockConnection connection) : ConnectionContext
    {
        public override IDuplexPipe Transport { get; set; } = connection;

        public override string ConnectionId { get; set; } = $"{connection.LocalPort}-{connection.RemotePort}";

        public override IFeatureCollection Features { get; } = new FeatureCollection();

        public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();

        public override void Abort(ConnectionAbortedException abortReason) => connection.Abort();

        public override async ValueTask DisposeAsync()
        {
            await connection.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}
