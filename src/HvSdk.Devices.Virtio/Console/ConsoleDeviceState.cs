namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="ConsoleDevice"/> keeps, as plain data. Bytes that are in the host's pipes stay there: read them, and write what the guest has not got, by the new device's.</summary>
public sealed record ConsoleDeviceState : VirtioDeviceState
{
    /// <summary>The driver wants to hear of ports (VIRTIO_CONSOLE_DEVICE_READY).</summary>
    public bool IsDriverReady { get; init; }

    /// <summary>The numbers that ports may have, from 0 on.</summary>
    public required IReadOnlyList<ConsolePortState> Ports { get; init; }
}

/// <summary>A number that a port may have, and the port that has it.</summary>
public sealed record ConsolePortState
{
    /// <summary>There is a port with this number.</summary>
    public bool Exists { get; init; }

    /// <summary>Its name, or null.</summary>
    public string? Name { get; init; }

    /// <summary>It is a terminal.</summary>
    public bool IsConsole { get; init; }

    /// <summary>The host had it open.</summary>
    public bool IsOpen { get; init; }

    /// <summary>The guest has it open.</summary>
    public bool IsGuestOpen { get; init; }

    /// <summary>Columns of the terminal that the guest was told, or shall be.</summary>
    public int Columns { get; init; }

    /// <summary>Rows of the terminal.</summary>
    public int Rows { get; init; }

    /// <summary>The driver was told that there is a port.</summary>
    public bool IsAnnounced { get; init; }

    /// <summary>The driver can use it.</summary>
    public bool IsReady { get; init; }

    /// <summary>Messages that the driver shall get, as bits: 0 removed, 1 added, 2 is a console, 3 name, 4 size, 5 opened or closed.</summary>
    public int DueMessages { get; init; }

    /// <summary>Bytes that the host has got of the chain that the guest's queue has in flight.</summary>
    public long BytesTaken { get; init; }
}
