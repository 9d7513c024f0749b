namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="VsockDevice"/> keeps, as plain data. Connections end with the process that holds them: the guest is told of a transport reset (virtio 1.2, 5.10.6.7).</summary>
public sealed record VsockDeviceState : VirtioDeviceState
{
    /// <summary>The guest's context identifier.</summary>
    public uint GuestCid { get; init; }

    /// <summary>The guest has not heard of a transport reset yet.</summary>
    public bool IsTransportResetDue { get; init; }

    /// <summary>Connections that existed.</summary>
    public IReadOnlyList<VsockResetState> Connections { get; init; } = [];

    /// <summary>Resets that the guest shall get for packets that belong to no connection.</summary>
    public IReadOnlyList<VsockResetState> Resets { get; init; } = [];
}

/// <summary>What a reset is for.</summary>
public sealed record VsockResetState
{
    /// <summary>The type of socket (virtio 1.2, 5.10.6.4).</summary>
    public ushort Type { get; init; }

    /// <summary>The port on the host.</summary>
    public uint HostPort { get; init; }

    /// <summary>The port in the guest.</summary>
    public uint GuestPort { get; init; }
}
