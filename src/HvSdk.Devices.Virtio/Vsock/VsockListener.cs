using System.Threading.Channels;

namespace HvSdk.Devices.Virtio;

/// <summary>Takes the connections that a guest makes to a port of the host. Any thread may call; made by <see cref="VsockDevice.Listen"/>.</summary>
public sealed class VsockListener : IDisposable, IAsyncDisposable
{
    private readonly VsockDevice _device;
    private readonly Channel<VsockConnection> _backlog;

    internal VsockListener(VsockDevice device, uint port, int backlog)
    {
        _device = device;
        Port = port;
        _backlog = Channel.CreateBounded<VsockConnection>(backlog);
    }

    /// <summary>The port.</summary>
    public uint Port { get; }

    /// <summary>Waits for the next connection. It is established already; a guest's reboot does not end the listening.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The connection; the caller disposes of it.</returns>
    /// <exception cref="ObjectDisposedException">The listener was disposed of, or the machine has ended.</exception>
    public async ValueTask<VsockConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _backlog.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            // One that the guest has reset meanwhile is of no use to anybody.
            if (_backlog.Reader.TryRead(out VsockConnection? connection) && !connection.IsBroken)
            {
                return connection;
            }
        }

        throw new ObjectDisposedException(nameof(VsockListener), $"Nobody listens on port {Port} any more: the listener was disposed of, or the machine has ended.");
    }

    /// <summary>Stops listening. Connections that nobody has accepted are reset; the others stay.</summary>
    public void Dispose()
    {
        _device.Remove(this);
        End();
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Hands a connection over; false where the backlog is full, or nobody listens any more.</summary>
    internal bool TryOffer(VsockConnection connection) => _backlog.Writer.TryWrite(connection);

    internal void End()
    {
        _backlog.Writer.TryComplete();
        Drain();
    }

    /// <summary>Resets the connections that nobody has accepted.</summary>
    internal void Drain()
    {
        while (_backlog.Reader.TryRead(out VsockConnection? connection))
        {
            connection.Abort();
        }
    }
}
