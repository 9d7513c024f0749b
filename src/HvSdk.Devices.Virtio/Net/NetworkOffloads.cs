namespace HvSdk.Devices.Virtio;

/// <summary>Work on a frame that can be left to whoever handles it next.</summary>
[Flags]
public enum NetworkOffloads
{
    /// <summary>Frames are whole, as they would be on a wire.</summary>
    None = 0,

    /// <summary>The checksum of TCP or UDP is to be completed.</summary>
    Checksum = 1,

    /// <summary>TCP over IPv4 is to be cut into segments. Only together with <see cref="Checksum"/>.</summary>
    TcpIPv4 = 2,

    /// <summary>TCP over IPv6 is to be cut into segments. Only together with <see cref="Checksum"/>.</summary>
    TcpIPv6 = 4,

    /// <summary>All of them.</summary>
    All = Checksum | TcpIPv4 | TcpIPv6,
}
