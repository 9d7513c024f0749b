namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state, and the event that tells the guest that its connections are gone.</content>
public sealed partial class VsockDevice
{
    private const int EventQueue = 2;
    private const uint TransportResetEvent = 0; // VIRTIO_VSOCK_EVENT_TRANSPORT_RESET (virtio 1.2, 5.10.6.7)

    private bool _isTransportResetDue;

    /// <inheritdoc/>
    protected internal override VirtioDeviceState SaveState() => new VsockDeviceState
    {
        GuestCid = Options.GuestCid,
        IsTransportResetDue = _isTransportResetDue,
        Connections = [.. _table.List().Select(static connection => new VsockResetState { Type = VsockHeader.StreamType, HostPort = connection.LocalPort, GuestPort = connection.RemotePort })],
        Resets = [.. _strays.Save().Select(static packet => new VsockResetState { Type = packet.Type, HostPort = packet.DestinationPort, GuestPort = packet.SourcePort })],
    };

    /// <inheritdoc/>
    protected internal override void LoadState(VirtioDeviceState? state)
    {
        VsockDeviceState saved = StateProblem.RequireKind<VsockDeviceState>(state);
        StateProblem.Require(
            saved.GuestCid == Options.GuestCid, $"{nameof(saved.GuestCid)} is {saved.GuestCid}, and this device's {Options.GuestCid}. Make it with the {nameof(VsockDeviceOptions)}.{nameof(VsockDeviceOptions.GuestCid)} that it was saved with.");
        StateProblem.RequireCount(saved.Connections, 0, Options.MaxConnections, nameof(saved.Connections));
        StateProblem.RequireCount(saved.Resets, 0, Options.MaxConnections + VsockStrays.Capacity, nameof(saved.Resets));
        StateProblem.Require(saved.Connections.Concat(saved.Resets).All(static reset => reset is not null), $"{nameof(saved.Connections)} or {nameof(saved.Resets)} has a null.");
        if (!IsActive)
        {
            return;
        }

        // The event is for the connections that the guest knows; the resets also for those that it is making, which the event leaves alone.
        _isTransportResetDue = saved.IsTransportResetDue || saved.Connections.Count > 0;
        _strays.Load([.. saved.Resets.Concat(saved.Connections).Take(Options.MaxConnections + VsockStrays.Capacity).Select(reset => new VsockHeader
        {
            SourceCid = Options.GuestCid,
            DestinationCid = VsockHeader.HostCid,
            SourcePort = reset.GuestPort,
            DestinationPort = reset.HostPort,
            Type = reset.Type,
        })]);
    }

    private void SendEvents(Virtqueue queue)
    {
        for (int i = 0; i < queue.Size && _isTransportResetDue && queue.TryTake(out DescriptorChain? chain); i++)
        {
            _isTransportResetDue = !chain.TryWrite(0, TransportResetEvent);
            Complete(chain, _isTransportResetDue ? 0 : sizeof(uint));
        }
    }
}
