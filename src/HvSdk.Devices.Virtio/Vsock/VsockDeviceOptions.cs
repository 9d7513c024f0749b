namespace HvSdk.Devices.Virtio;

/// <summary>What a <see cref="VsockDevice"/> is made with.</summary>
public sealed class VsockDeviceOptions
{
    /// <summary>The first context identifier (CID) that a guest may have; those below are reserved (virtio 1.2, 5.10.4).</summary>
    public const uint MinGuestCid = 3;

    private const int MinBufferSize = 4 << 10;
    private const int MaxBufferSize = 16 << 20;

    /// <summary>The guest's CID: 3 to 0xFFFF_FFFE. Only the guest sees it; machines of one process may have the same. Default: 3.</summary>
    public uint GuestCid { get; set; } = MinGuestCid;

    /// <summary>Connections at a time, 1 to 1,000,000; a guest that wants more is refused. Default: 1024.</summary>
    public int MaxConnections { get; set; } = 1024;

    /// <summary>Bytes of each connection that a guest may send before the host has read them, 4 KiB to 16 MiB. Default: 256 KiB.</summary>
    public int ReceiveBufferSize { get; set; } = 256 << 10;

    /// <summary>Bytes of each connection that wait for the guest before the host's flush does, 4 KiB to 16 MiB. Default: 256 KiB.</summary>
    public int SendBufferSize { get; set; } = 256 << 10;

    /// <summary>How long <see cref="VsockDevice.ConnectAsync"/> waits for the guest's answer, in the machine's time, more than 0. Default: 10 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a connection that the host has closed waits for the guest to take the rest and to agree, in the machine's time, more than 0; then it is reset. Each byte
    /// that the guest takes starts it anew. Default: 8 s.
    /// </summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(8);

    internal VsockDeviceOptions Validated()
    {
        if (GuestCid is < MinGuestCid or uint.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(GuestCid), GuestCid, "0 to 2 and 0xFFFFFFFF are reserved (virtio 1.2, 5.10.4). Give the guest a CID from 3 to 0xFFFFFFFE.");
        }

        if (MaxConnections is < 1 or > 1_000_000)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxConnections), MaxConnections, "Allow 1 to 1,000,000 connections.");
        }

        CheckBuffer(ReceiveBufferSize, nameof(ReceiveBufferSize));
        CheckBuffer(SendBufferSize, nameof(SendBufferSize));
        CheckTime(ConnectTimeout, nameof(ConnectTimeout));
        CheckTime(CloseTimeout, nameof(CloseTimeout));
        return (VsockDeviceOptions)MemberwiseClone();
    }

    private static void CheckBuffer(int size, string name)
    {
        if (size is < MinBufferSize or > MaxBufferSize)
        {
            throw new ArgumentOutOfRangeException(name, size, $"A connection's buffer has {MinBufferSize} to {MaxBufferSize} bytes (4 KiB to 16 MiB).");
        }
    }

    private static void CheckTime(TimeSpan time, string name)
    {
        if (time <= TimeSpan.Zero || time > TimeSpan.FromDays(1))
        {
            throw new ArgumentOutOfRangeException(name, time, "Give a time of more than 0 and at most a day.");
        }
    }
}
